// TLS blocks: their odd corners, and the certificates they name, loaded here to be checked.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { texts } from "../options/kinds.js";
import { ocspPeer, tls } from "../options/table-blocks.js";
import {
  type At,
  type Decoder,
  type Decoding,
  decodeKind,
  decodeList,
  decodeMap,
  mapOf,
  type Values,
} from "./decode-block.js";
import { Rejection } from "./decode-errors.js";
import { booleanOf, expected, integerOf, parseDurationMs, textOf, typeName } from "./decode-values.js";
import { describeReadError } from "./session.js";
import type { ConfigNode } from "./syntax.js";

/** Names of cipher suites, as --help_tls lists them. */
export const CIPHER_SUITES = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/** Cipher suites that need allow_insecure_cipher_suites. */
export const INSECURE_CIPHER_SUITES = [
  "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
  "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
  "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
  "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
  "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
  "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
  "TLS_RSA_WITH_AES_128_CBC_SHA",
  "TLS_RSA_WITH_AES_128_CBC_SHA256",
  "TLS_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_RSA_WITH_AES_256_CBC_SHA",
  "TLS_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_RSA_WITH_RC4_128_SHA",
];

export const CURVES = [
  "SecP384r1MLKEM1024",
  "SecP256r1MLKEM768",
  "X25519MLKEM768",
  "X25519",
  "CurveP256",
  "CurveP384",
  "CurveP521",
];

const AUTO_FALLBACK_MS = 50;

/** Peers of clusters and gateways may have to be known ones; elsewhere that key is refused. */
export const tlsOf =
  (forPeers: boolean): Decoder<Values> =>
  (decoding, node, at) => {
    const before = decoding.errors.length;
    let fallbackMs: number | undefined;
    const values = decodeMap(decoding, mapOf(node, at), tls, at.path, {
      options: {
        cipherSuites: namesOf("cipher", [...CIPHER_SUITES, ...INSECURE_CIPHER_SUITES]),
        curvePreferences: namesOf("curve preference", CURVES),
        pinnedCerts: decodePinnedCerts,
        minVersion: decodeMinVersion,
        connectionRateLimit: (_, value, keyAt) => integerOf(value, keyAt),
        certs: decodeCertificates,
        certStore: decodeCertStore,
        certMatchBy: decodeMatchBy,
        certMatch: (_, value, keyAt) => nonEmpty(value, keyAt),
        ocspPeer: decodeOcspPeer,
        // Any other type is passed over, as in the reference.
        caCertsMatch: (_, value, keyAt) =>
          value.kind === "string" || value.kind === "list" ? decodeKind(decoding, value, texts, keyAt) : undefined,
        verifyCertAndCheckKnownUrls: (_, value, keyAt) => {
          const check = booleanOf(value, keyAt);
          if (!check || forPeers) return check;
          throw new Rejection(keyAt.position, `${keyAt.key} not supported in this context`);
        },
        handshakeFirst: (_, value, keyAt) => {
          const { first, delayMs } = decodeHandshakeFirst(value, keyAt);
          fallbackMs = delayMs;
          return first;
        },
      },
      unknown: (key) => `error parsing tls config, unknown field "${key}"`,
      noVariables: true,
    });
    if (fallbackMs !== undefined) values.handshakeFirstFallbackMs = fallbackMs;
    if (values.verifyAndMap || values.verifyCertAndCheckKnownUrls) values.verify = true;
    if (decoding.errors.length === before) checkTls(decoding, values, at);
    return values;
  };

function checkTls(decoding: Decoding, values: Values, at: At): void {
  const refuse = (message: string): never => {
    throw new Rejection(at.position, message);
  };
  const certs = (values.certs ?? []) as { certFile: string; keyFile: string }[];
  const certFile = (values.certFile ?? "") as string;
  const keyFile = (values.keyFile ?? "") as string;
  if (certs.length > 0 && certFile !== "") {
    refuse("error parsing tls config, cannot combine 'cert_file' option with 'certs' option");
  }
  const insecure = ((values.cipherSuites ?? []) as string[]).filter((name) => INSECURE_CIPHER_SUITES.includes(name));
  if (insecure.length > 0 && !values.allowInsecureCipherSuites) {
    const names = insecure.join(", ");
    refuse(`insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: ${names}`);
  }
  if (certFile !== "" && keyFile === "") refuse("missing 'key_file' in TLS configuration");
  if (certFile === "" && keyFile !== "") refuse("missing 'cert_file' in TLS configuration");
  if (certFile !== "") checkPair(decoding, certFile, keyFile, "", at);
  certs.forEach((pair, i) => {
    checkPair(decoding, pair.certFile, pair.keyFile, ` ${i + 1}/${certs.length}`, at);
  });
  if (values.caFile) checkAuthorities(decoding, values.caFile as string, at);
}

function checkPair(decoding: Decoding, certFile: string, keyFile: string, which: string, at: At): void {
  const refuse = (reason: string): never => {
    throw new Rejection(at.position, `error parsing X509 certificate/key pair${which}: ${reason}`);
  };
  const certText = readText(decoding, certFile, refuse);
  const keyText = readText(decoding, keyFile, refuse);
  const certPem = pemBlocks(certText, "CERTIFICATE")[0];
  if (certPem === undefined) {
    refuse(`tls: failed to find any PEM data in certificate input (${certFile})`);
  }
  const keyPem = pemBlocks(keyText, "(?:[A-Z0-9]+ )?PRIVATE KEY")[0];
  if (keyPem === undefined) refuse(`tls: failed to find any PEM data in key input (${keyFile})`);
  let matches: boolean;
  try {
    matches = new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem));
  } catch (error) {
    refuse(`tls: failed to parse ${certFile} or ${keyFile}: ${(error as Error).message}`);
    return;
  }
  if (!matches) refuse(`tls: private key does not match public key (${certFile}, ${keyFile})`);
}

function checkAuthorities(decoding: Decoding, caFile: string, at: At): void {
  const text = readText(decoding, caFile, (reason) => {
    throw new Rejection(at.position, reason);
  });
  const parses = (pem: string): boolean => {
    try {
      return new X509Certificate(pem).serialNumber !== undefined;
    } catch {
      return false;
    }
  };
  if (!pemBlocks(text, "CERTIFICATE").some(parses)) {
    throw new Rejection(at.position, `failed to parse root ca certificate (${caFile})`);
  }
}

function readText(decoding: Decoding, file: string, refuse: (reason: string) => never): string {
  try {
    return decoding.disk.readSync(file).toString("latin1");
  } catch (error) {
    return refuse(describeReadError(file, error));
  }
}

function pemBlocks(text: string, label: string): string[] {
  return text.match(new RegExp(`-----BEGIN (${label})-----[^-]*-----END \\1-----`, "g")) ?? [];
}

const namesOf =
  (what: string, known: readonly string[]): Decoder =>
  (decoding, node, at) => {
    if (node.kind === "list" && node.items.length === 0) {
      throw new Rejection(at.position, `error parsing tls config, '${at.key}' cannot be empty`);
    }
    return decodeList(decoding, node, at, (item, itemAt) => {
      const name = textOf(item, itemAt);
      if (known.includes(name)) return name;
      throw new Rejection(itemAt.position, `unrecognized ${what} ${name}`);
    });
  };

const decodePinnedCerts: Decoder = (decoding, node, at) =>
  decodeList(decoding, node, at, (item, itemAt) => {
    const pin = textOf(item, itemAt).toLowerCase();
    if (/^[a-f0-9]{64}$/.test(pin)) return pin;
    const reason = "does not look like hex-encoded sha256 of DER encoded SubjectPublicKeyInfo";
    throw new Rejection(itemAt.position, `error parsing tls config, 'pinned_certs' key ${pin} ${reason}`);
  });

const decodeMinVersion: Decoder = (_, node, at) => {
  const version = textOf(node, at);
  if (version === "1.2" || version === "1.3") return version;
  const reason = /^1\.[01]$/.test(version) ? `unsupported TLS version: TLS ${version}` : `unknown version: ${version}`;
  throw new Rejection(at.position, `error parsing tls config: ${reason}`);
};

const decodeCertificates: Decoder = (decoding, node, at) =>
  decodeList(decoding, node, at, (item, itemAt) => {
    if (item.kind !== "map") {
      throw new Rejection(itemAt.position, `error parsing certificates config: unsupported type ${typeName(item)}`);
    }
    const files: Record<string, string> = {};
    for (const entry of item.entries.values()) {
      const place = { position: entry.keyPosition, key: entry.key };
      if (entry.key !== "cert_file" && entry.key !== "key_file") {
        throw new Rejection(place.position, `error parsing tls certs config, unknown field "${entry.key}"`);
      }
      files[entry.key] = textOf(entry.value, place);
    }
    const { cert_file: certFile, key_file: keyFile } = files;
    if (certFile && keyFile) return { certFile, keyFile };
    const reason = "both 'cert_file' and 'cert_key' options are required";
    throw new Rejection(itemAt.position, `error parsing certificates config: ${reason}`);
  });

function decodeHandshakeFirst(node: ConfigNode, at: At): { first: boolean; delayMs?: number } {
  if (node.kind === "boolean") return { first: node.value };
  if (node.kind !== "string") {
    const message = `field "${at.key}" should be a boolean or a string, got ${typeName(node)}`;
    throw new Rejection(at.position, message);
  }
  switch (node.value.toLowerCase()) {
    case "true":
    case "on":
      return { first: true };
    case "false":
    case "off":
      return { first: false };
    case "auto":
    case "auto_fallback":
      return { first: true, delayMs: AUTO_FALLBACK_MS };
  }
  try {
    return { first: true, delayMs: parseDurationMs(node.value) };
  } catch {
    throw new Rejection(at.position, `field "${at.key}"'s value "${node.value}" is invalid`);
  }
}

function nonEmpty(node: ConfigNode, at: At): string {
  if (node.kind === "string" && node.value !== "") return node.value;
  throw new Rejection(at.position, `expected '${at.key}' to be a valid non-empty string`);
}

const decodeCertStore: Decoder = (_, node, at) => {
  const store = nonEmpty(node, at);
  const reason = /^windows(currentuser|localmachine)$/i.test(store)
    ? "cert_store not compatible with current operating system"
    : `cert_store type "${store}" not implemented`;
  throw new Rejection(at.position, reason);
};

const decodeMatchBy: Decoder = (_, node, at) => {
  const by = nonEmpty(node, at);
  if (/^(issuer|subject|thumbprint)$/i.test(by)) return by.toLowerCase();
  throw new Rejection(at.position, `cert_match_by type "${by}" not implemented`);
};

const decodeOcspPeer: Decoder = (decoding, node, at) => {
  if (node.kind === "boolean") return { verify: node.value };
  if (node.kind !== "map") throw expected(at, "a boolean or a map", node);
  return decodeMap(decoding, node, ocspPeer, at.path, {
    unknown: (key) => `error parsing tls peer config, unknown field [${key}]`,
    noVariables: true,
  });
};

export const tlsDecoders = [[tls, tlsOf(false)]] as const;
