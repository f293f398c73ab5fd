// What Node and OpenSSL say of a failed handshake, in the words in which nats-server logs it.
import { TlsError } from "../tls.js";

const NOT_TLS = "tls: first record does not look like a TLS handshake";
const UNKNOWN_AUTHORITY = "x509: certificate signed by unknown authority";
const EXPIRED = "x509: certificate has expired or is not yet valid";

const verification: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: EXPIRED,
  CERT_NOT_YET_VALID: EXPIRED,
  INVALID_PURPOSE: "x509: certificate specifies an incompatible key usage",
};

const known: Record<string, TlsError["code"]> = {
  ERR_SSL_WRONG_VERSION_NUMBER: "TLS_NOT_TLS",
  ERR_SSL_HTTP_REQUEST: "TLS_NOT_TLS",
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "TLS_CERTIFICATE",
  ECONNRESET: "TLS_CLOSED",
  EPIPE: "TLS_CLOSED",
};

const words: Record<string, string> = {
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_SSL_HTTP_REQUEST: NOT_TLS,
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "tls: client didn't provide a certificate",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "tls: client offered only unsupported versions",
  ERR_SSL_NO_SHARED_CIPHER: "tls: no cipher suite supported by both client and server",
  ERR_SSL_NO_SUITABLE_KEY_SHARE: "tls: no supported elliptic curves offered",
  ECONNRESET: "EOF",
};

const ALERT = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13)_ALERT_(.+)$/;

const alerts: Record<string, string> = {
  UNKNOWN_CA: "unknown certificate authority",
  CERTIFICATE_EXPIRED: "expired certificate",
  CERTIFICATE_REVOKED: "revoked certificate",
  CERTIFICATE_REQUIRED: "certificate required",
  DECRYPT_ERROR: "error decrypting message",
  PROTOCOL_VERSION: "protocol version not supported",
};

/** The handshake failed with `error`; `distrust` is why the other side's certificate did not pass, if that was the reason. */
export function handshakeError(error: Error & { code?: string; reason?: string }, distrust?: unknown): TlsError {
  const reason = distrust instanceof Error ? ((distrust as { code?: string }).code ?? distrust.message) : distrust;
  if (typeof reason === "string" && reason !== "") {
    return new TlsError("TLS_CERTIFICATE", `tls: failed to verify certificate: ${verification[reason] ?? reason}`);
  }
  const { code = "" } = error;
  const failedVerification =
    code === "ERR_TLS_CERT_ALTNAME_INVALID" ? `x509: ${error.reason ?? error.message}` : verification[code];
  if (failedVerification !== undefined) {
    return new TlsError("TLS_CERTIFICATE", `tls: failed to verify certificate: ${failedVerification}`);
  }
  const alert = ALERT.exec(code)?.[1];
  if (alert !== undefined) {
    const said = alerts[alert] ?? alert.toLowerCase().replaceAll("_", " ");
    return new TlsError("TLS_HANDSHAKE", `remote error: tls: ${said}`);
  }
  const text = words[code] ?? `tls: ${error.reason ?? error.message}`;
  return new TlsError(known[code] ?? "TLS_HANDSHAKE", text);
}
