// What the system account is told of certificates that authorities do not stand by (`ocsp_peer`).
import { readCertificate } from "../auth/certificates/certificate.js";
import { subjectText } from "../auth/certificates/distinguished-name.js";
import type { ServerEvents } from "../server/events.js";
import { fingerprintOf } from "../server/tls/ocsp-peers.js";

const REJECT_TYPE = "io.nats.server.advisory.v1.ocsp_peer_reject";
const LINK_INVALID_TYPE = "io.nats.server.advisory.v1.ocsp_peer_link_invalid";

/** Sends an advisory: its type, the end of its subject, and what it says besides the sender. */
export type SendAdvisory = (type: string, subject: string, content: (server: object) => object) => void;

/** Sends advisories as the server's events come; the functions that are returned end it. */
export function sendOcspAdvisories(events: ServerEvents, send: SendAdvisory): (() => void)[] {
  return [
    events.on("ocspLinkInvalid", (certificate, link, reason) =>
      send(LINK_INVALID_TYPE, "OCSP.PEER.LINK.INVALID", (server) => ({
        link: certificateInfo(link),
        peer: certificateInfo(certificate),
        server,
        reason,
      })),
    ),
    events.on("ocspPeerRejected", (kind, certificate, reason) =>
      send(REJECT_TYPE, "OCSP.PEER.CONN.REJECT", (server) => ({
        kind,
        peer: certificateInfo(certificate),
        server,
        reason,
      })),
    ),
  ];
}

function certificateInfo(der: Uint8Array): object {
  const { subject, issuer } = readCertificate(der);
  return {
    subject: subjectText(subject) || undefined,
    issuer: subjectText(issuer) || undefined,
    fingerprint: fingerprintOf(der),
    raw: Buffer.from(der).toString("base64"),
  };
}
