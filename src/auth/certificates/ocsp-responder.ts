// Asks an authority's OCSP responder about a certificate, by GET (RFC 6960, appendix A).
import type { X509Certificate } from "node:crypto";
import type { Network } from "../../runtime/network.js";
import { OcspError, ocspRequest } from "./ocsp.js";

const LARGEST_ANSWER_BYTES = 64 * 1024;

/**
 * The answer as it came, in DER.
 * Rejects with the platform's error when the responder is not reached in `timeoutMs`, and with an OcspError when it has none.
 */
export async function askResponder(
  network: Network,
  url: string,
  certificate: X509Certificate,
  issuer: X509Certificate,
  timeoutMs: number,
): Promise<Buffer> {
  const question = encodeURIComponent(ocspRequest(certificate, issuer).toString("base64"));
  const limits = { timeoutMs, maxBodyBytes: LARGEST_ANSWER_BYTES };
  const { status, bytes } = await network.fetchText(`${url.replace(/\/$/, "")}/${question}`, limits);
  if (status !== 200) throw new OcspError(`bad OCSP responder http status: [${status}]`);
  return bytes;
}
