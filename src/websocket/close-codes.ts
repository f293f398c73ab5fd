// The codes of close frames for the reasons for which a connection ends (conformance/wire, FACTS "WebSocket").
import { CloseReason } from "../server/close-reason.js";
import { CloseCode } from "./errors.js";

const CODES: Readonly<Record<string, number>> = {
  [CloseReason.clientClosed]: CloseCode.normal,
  [CloseReason.authenticationTimeout]: CloseCode.policyViolation,
  [CloseReason.authenticationViolation]: CloseCode.policyViolation,
  [CloseReason.authenticationExpired]: CloseCode.policyViolation,
  [CloseReason.credentialsRevoked]: CloseCode.policyViolation,
  [CloseReason.missingAccount]: CloseCode.policyViolation,
  [CloseReason.slowConsumerPendingBytes]: CloseCode.policyViolation,
  [CloseReason.slowConsumerWriteDeadline]: CloseCode.policyViolation,
  [CloseReason.maxConnectionsExceeded]: CloseCode.policyViolation,
  [CloseReason.maxAccountConnectionsExceeded]: CloseCode.policyViolation,
  [CloseReason.maxControlLineExceeded]: CloseCode.policyViolation,
  [CloseReason.maxSubscriptionsExceeded]: CloseCode.policyViolation,
  [CloseReason.maxPayloadExceeded]: CloseCode.tooBig,
  [CloseReason.parseError]: CloseCode.protocolError,
  [CloseReason.protocolViolation]: CloseCode.protocolError,
  [CloseReason.badClientProtocolVersion]: CloseCode.protocolError,
  [CloseReason.staleConnection]: CloseCode.goingAway,
  [CloseReason.serverShutdown]: CloseCode.goingAway,
  [CloseReason.writeError]: CloseCode.goingAway,
  [CloseReason.readError]: CloseCode.goingAway,
  [CloseReason.tlsHandshakeError]: CloseCode.policyViolation,
};

/** The code for a reason; 1011 for what is nobody's fault but the server's. */
export function closeCodeFor(reason: string): number {
  return CODES[reason] ?? CloseCode.internalError;
}
