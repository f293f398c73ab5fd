// The start of a message's path here when it came from another server: to whom it goes, and its trace.
import type { Message } from "../../accounts/message.js";
import type { TraceParty } from "../../accounts/message-trace.js";
import type { DeliveryTarget } from "../../accounts/subscription.js";
import { mayBeTraced, sendTrace, startTrace } from "../message-trace.js";
import type { PeerConnection } from "./peer-connection.js";
import type { PeerSubject } from "./peer-messages.js";

/** A connection to another server, as it stands in trace events. */
export type TracedPeer = PeerConnection & { readonly traceParty: TraceParty };

/** Delivers a message that has come from another server; `source` is what its targets see as its source. */
export function deliverFromPeer(
  connection: TracedPeer,
  message: Message,
  { account, target, interest }: PeerSubject,
  source: DeliveryTarget,
): void {
  if (interest === undefined) return;
  const { hub } = connection;
  if (message.headerBytes === 0 || !mayBeTraced(message)) {
    hub.router.deliver(interest, message, source);
    return;
  }
  const { label, traceParty } = connection;
  const traced = { hub, label, account, traceParty, sendError: () => {} };
  const { queues, sizeBytes } = message;
  const started = startTrace(traced, message, { subject: target, sizeBytes, mayTraceTo: () => true });
  if (started === undefined) return;
  started.queues = queues;
  hub.router.deliver(interest, started, source);
  if (started.trace !== undefined) sendTrace(hub, started.trace);
}
