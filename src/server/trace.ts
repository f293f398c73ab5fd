// What trace lines show of operations and messages: no secrets, and payloads cut to max_traced_msg_len.
import type { Message } from "../accounts/message.js";
import type { Subscription } from "../accounts/subscription.js";
import type { ResolvedOptions } from "../options/options.js";
import type { Logger } from "../runtime/logger.js";

const SECRETS = new Set(["pass", "auth_token", "jwt", "nkey", "sig", "proxy_sig"]);

/** A CONNECT's JSON without its secrets, in whatever way they are written. */
export function traceConnect(json: string): string {
  try {
    const said: unknown = JSON.parse(json);
    if (typeof said !== "object") return "[malformed]";
    return JSON.stringify(said, (key, value) => (SECRETS.has(key.toLowerCase()) ? "[REDACTED]" : value));
  } catch {
    return "[malformed]";
  }
}

/** What trace lines need to know of a connection. */
interface Traced {
  readonly label: string;
  readonly hub: { readonly logger: Logger; readonly options: ResolvedOptions };
}

/** Traces an operation that came in; nothing unless tracing is on. */
export function traceIn(traced: Traced, operation: string, rest: string): void {
  trace(traced, "<<-", rest === "" ? operation : `${operation} ${rest}`);
}

/** Traces an operation that goes out. */
export function traceOut(traced: Traced, operation: string, rest: string): void {
  trace(traced, "->>", rest === "" ? operation : `${operation} ${rest}`);
}

/** Traces what follows from an operation. */
export function traceInside(traced: Traced, what: string, rest: string): void {
  trace(traced, "<->", `${what} ${rest}`);
}

function trace(traced: Traced, direction: "<<-" | "->>" | "<->", text: string): void {
  const { logger } = traced.hub;
  if (logger.traceOn) logger.trace(`${traced.label} - ${direction} [${text}]`);
}

/** Traces a message that is delivered, to a client that takes headers or does not. */
export function traceDelivery(
  traced: Traced & { readonly headers: boolean },
  { sid }: Subscription,
  message: Message,
): void {
  const { subject, headerBytes, sizeBytes } = message;
  const to = `${subject} ${sid}${message.hasReply ? ` ${message.reply}` : ""}`;
  if (headerBytes > 0 && traced.headers) traceOut(traced, "HMSG", `${to} ${headerBytes} ${sizeBytes}`);
  else traceOut(traced, "MSG", `${to} ${sizeBytes - headerBytes}`);
  tracePayload(traced, "->>", message);
}

/** Traces a message's payload, or its headers only where trace_headers asks for that. */
export function tracePayload(
  { label, hub: { logger, options } }: Traced,
  direction: "<<-" | "->>",
  message: Message,
): void {
  const { start, body } = message;
  let { end } = message;
  if (options.traceHeaders) {
    if (message.headerBytes === 0) return;
    end = start + Math.max(0, message.headerBytes - 4);
  }
  if (end <= start) return;
  const limit = options.maxTracedMsgBytes;
  const cut = limit > 0 && end - start > limit;
  const shown = cut ? `${body.toString("utf8", start, start + limit)}...` : body.toString("utf8", start, end);
  logger.trace(`${label} - ${direction} MSG_PAYLOAD: [${JSON.stringify(shown)}]`);
}
