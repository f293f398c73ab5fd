// What trace lines show of operations and messages: no secrets, and payloads cut to max_traced_msg_len.
import type { Message } from "../accounts/message.js";
import type { Subscription } from "../accounts/subscription.js";
import type { ResolvedOptions } from "../options/options.js";
import type { Logger } from "../runtime/logger.js";

const SECRETS = new Set(["pass", "auth_token", "jwt", "sig", "proxy_sig"]);

/** A CONNECT's JSON without its secrets, in whatever way they are written. */
export function traceConnect(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), (key, value) => (SECRETS.has(key.toLowerCase()) ? "[REDACTED]" : value));
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
export function traceIn({ label, hub: { logger } }: Traced, operation: string, rest: string): void {
  if (logger.traceOn) logger.trace(`${label} - <<- [${operation}${rest === "" ? "" : ` ${rest}`}]`);
}

/** Traces an operation that goes out. */
export function traceOut({ label, hub: { logger } }: Traced, operation: string, rest: string): void {
  if (logger.traceOn) logger.trace(`${label} - ->> [${operation}${rest === "" ? "" : ` ${rest}`}]`);
}

/** Traces a message that is delivered. */
export function traceDelivery(traced: Traced, subscription: Subscription, message: Message): void {
  const reply = message.hasReply ? ` ${message.reply}` : "";
  traceOut(traced, "MSG", `${message.subject} ${subscription.sid}${reply} ${message.sizeBytes}`);
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
