// Which messages of a connection are traced, and sending the record of their way (ADR-41; conformance/wire, FACTS
// "Message tracing").
import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import {
  MessageTrace,
  TRACE_DESTINATION,
  TRACE_DISABLED,
  TRACE_HOP,
  type TraceParty,
  withTraceDestination,
} from "../accounts/message-trace.js";
import { publishViolation, quoted } from "../protocol/error-texts.js";
import { isSampledTraceParent, readHeaders } from "../protocol/header-block.js";
import { bytesAsText, stringifyExact } from "../protocol/json.js";
import { formatNs } from "../protocol/rfc3339.js";
import type { Runtime } from "../runtime/runtime.js";
import { hasBlank, isValidLiteral } from "../subjects/validity.js";
import { encodeContent } from "./content-encoding.js";
import type { Hub } from "./hub.js";

const TRACE_ONLY = "Nats-Trace-Only";
/** Written by old servers, whose traces would cross accounts unasked. */
const TRACE_ORIGIN = "Nats-Trace-Origin-Account";
const TRACE_PARENT = "traceparent";
const ACCEPT_ENCODING = "Accept-Encoding";
/** The number of clients in trace events. */
const CLIENT_KIND = 0;
const PLAIN_BLOCK = "NATS/1.0\r\n";

const LF = 10;
const DESTINATION_START = Buffer.from("\nNats-Trace-Dest:", "latin1");
const PARENT_START = Buffer.from("\ntraceparent:", "latin1");

/** Whether the headers name a destination or a trace parent; a quick look that decides for nearly all messages. */
export function mayBeTraced({ body, start, headerBytes }: Message): boolean {
  const end = start + headerBytes;
  for (let i = start; i < end; i++) {
    if (body[i] !== LF) continue;
    if (startsWith(body, i, DESTINATION_START, 0) || startsWith(body, i, PARENT_START, 0x20)) return true;
  }
  return false;
}

/** A connection whose messages may be traced. */
export interface TracedSource {
  readonly hub: Hub;
  readonly label: string;
  readonly account: Account | undefined;
  readonly traceParty: TraceParty;
  sendError(text: string): void;
}

/** What was said when a message was published. */
export interface Publication {
  readonly subject: string;
  readonly sizeBytes: number;
  /** Whether the source may publish there. */
  readonly mayTraceTo: (destination: string) => boolean;
}

/**
 * Begins the trace of a message, if it asks for one. Returns the message that goes on, with its record where it is traced;
 * undefined when nothing goes on.
 */
export function startTrace(
  source: TracedSource,
  message: Message,
  { subject, sizeBytes, mayTraceTo }: Publication,
): Message | undefined {
  const { hub, account } = source;
  const block = message.headerText;
  if (account === undefined || !block.startsWith(PLAIN_BLOCK)) return message;
  const headers = readHeaders(block);
  const named = headers.get(TRACE_DESTINATION)?.[0];
  if (headers.get(TRACE_DESTINATION)?.includes(TRACE_DISABLED)) return message;
  if (named === undefined && !hasSampledParent(headers)) return message;

  const only = named !== undefined && /^(1|true|on)$/i.test(headers.get(TRACE_ONLY)?.[0] ?? "");
  const untraced = only ? undefined : message;
  const origin = headers.get(TRACE_ORIGIN)?.[0];
  if (origin !== undefined) {
    const header = `header ${quoted(TRACE_ORIGIN)} with value=${quoted(origin)}`;
    hub.logger.error(`${source.label} - Message tracing disabled because of ${header}`);
    return untraced && withTraceDestination(message, TRACE_DISABLED);
  }
  if (named === undefined && account.msgTrace === undefined) return message;
  // Whether it is sampled is decided once, where it comes in.
  const isFirst = source.traceParty.kind === CLIENT_KIND;
  if (named === undefined && isFirst && !isSampled(account.msgTrace?.sampling ?? 100, hub.runtime)) {
    return withTraceDestination(message, TRACE_DISABLED);
  }
  const destination = named ?? account.msgTrace?.destination ?? "";
  if (!isValidLiteral(destination) || hasBlank(destination)) {
    const reason = `Destination ${quoted(destination)} is not valid, won't be able to trace events`;
    hub.logger.error(`${source.label} - ${reason}`);
    return untraced;
  }
  if (!mayTraceTo(destination)) {
    hub.logger.error(`${source.label} - Publish Violation - Subject ${quoted(destination)}`);
    source.sendError(publishViolation(destination));
    return undefined;
  }
  const from = source.traceParty;
  const hop = isFirst ? "" : (headers.get(TRACE_HOP)?.[0] ?? "");
  const arrival = { from, account, subject, destination, hop, only, headers, sizeBytes };
  message.trace = new MessageTrace(arrival, () => eventTime(hub.runtime));
  return message;
}

/** Sends the record to where the message has asked for it. As in nats-server that takes a system account. */
export function sendTrace(hub: Hub, trace: MessageTrace): void {
  if (hub.accounts.system === undefined) return;
  const { account, arrival, events } = trace;
  const headers = [...arrival.headers].sort(([a], [b]) => (a < b ? -1 : 1));
  const event = {
    server: hub.eventSender(),
    request: {
      header: new Map(headers.map(([name, values]) => [bytesAsText(name), values.map(bytesAsText)])),
      msgsize: arrival.sizeBytes,
    },
    hops: trace.hops || undefined,
    events,
  };
  const accepted = arrival.headers.get(ACCEPT_ENCODING)?.[0] ?? "";
  const encoded = encodeContent(accepted, Buffer.from(stringifyExact(event)));
  hub.publish(account, arrival.destination, "", encoded.headers, encoded.payload);
}

function hasSampledParent(headers: ReadonlyMap<string, readonly string[]>): boolean {
  for (const [name, values] of headers) {
    if (name.toLowerCase() === TRACE_PARENT && values.some(isSampledTraceParent)) return true;
  }
  return false;
}

function isSampled(percent: number, { random }: Runtime): boolean {
  return percent >= 100 || random.below(100) < percent;
}

// Local time, unlike the times of other events.
function eventTime({ clock }: Runtime): string {
  const ns = clock.nowNs();
  return formatNs(ns, clock.utcOffsetMinutes(Number(ns / 1_000_000n)));
}

// `mask` 0x20 makes letters small before they are compared.
function startsWith(bytes: Uint8Array, at: number, text: Uint8Array, mask: number): boolean {
  for (let i = 1; i < text.length; i++) if ((bytes[at + i] | mask) !== (text[i] | mask)) return false;
  return true;
}
