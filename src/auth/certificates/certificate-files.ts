// The certificate files that a `tls` block names: read for handshakes, and looked at again to see whether they changed.
import type { ResolvedOptions } from "../../options/options.js";
import type { Disk } from "../../runtime/disk.js";
import type { TlsSettings } from "../../runtime/tls.js";

export type ResolvedTls = NonNullable<ResolvedOptions["tls"]>;

/** A file that a `tls` block names cannot be read; `cause` is the platform's error. */
export class CertificateFileError extends Error {
  override readonly name = "CertificateFileError";
  readonly code = "AUTH_CERTIFICATE_FILE";
}

/**
 * Reads the files of a block.
 * @throws {CertificateFileError}
 */
export function readTlsFiles(tls: ResolvedTls, disk: Pick<Disk, "readSync">): TlsSettings {
  const read = (path: string): string => {
    try {
      return disk.readSync(path).toString("latin1");
    } catch (error) {
      throw new CertificateFileError(`open ${path}: ${(error as Error).message}`, { cause: error });
    }
  };
  const { cipherSuites, curvePreferences } = tls;
  return {
    pairs: pairsOf(tls).map(({ certFile, keyFile }) => ({ certificate: read(certFile), key: read(keyFile) })),
    authorities: tls.caFile ? read(tls.caFile) : undefined,
    verify: tls.verify || tls.verifyAndMap,
    minVersion: tls.minVersion === "1.3" ? "1.3" : "1.2",
    cipherSuites: cipherSuites?.length ? cipherSuites : undefined,
    curves: curvePreferences?.length ? curvePreferences : undefined,
  };
}

/** Which state the files of a block are in: the text differs when one of them has changed. */
export async function tlsFilesState(tls: ResolvedTls, disk: Pick<Disk, "stat">): Promise<string> {
  const paths = pairsOf(tls).flatMap(({ certFile, keyFile }) => [certFile, keyFile]);
  if (tls.caFile) paths.push(tls.caFile);
  const states = paths.map(async (path) => {
    const info = await disk.stat(path).catch(() => undefined);
    return info === undefined ? "gone" : `${info.modifiedMs}/${info.sizeBytes}`;
  });
  return (await Promise.all(states)).join();
}

function pairsOf({ certFile, keyFile, certs }: ResolvedTls): { certFile: string; keyFile: string }[] {
  const pairs = certs?.length ? certs : [{ certFile, keyFile }];
  return pairs.flatMap(({ certFile, keyFile }) => (certFile && keyFile ? [{ certFile, keyFile }] : []));
}
