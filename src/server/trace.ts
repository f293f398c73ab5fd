// What trace lines show of operations and messages: no secrets, and payloads cut to max_traced_msg_len.
import type { Message } from "../accounts/message.js";
import type { ResolvedOptions } from "../options/options.js";
import type { Logger } from "../runtime/logger.js";

const SECRETS = /("(?:pass|auth_token|jwt|sig)"\s*:\s*")(?:[^"\\]|\\.)*(")/gi;

/** A CONNECT's JSON without its secrets. */
export function traceConnect(json: string): string {
  return json.replace(SECRETS, "$1[REDACTED]$2");
}

/** Traces a message's payload, or its headers only where trace_headers asks for that. */
export function tracePayload(
  connection: { label: string; hub: { logger: Logger; options: ResolvedOptions } },
  direction: "<<-" | "->>",
  message: Message,
): void {
  const { logger, options } = connection.hub;
  let { start, end } = message;
  if (options.traceHeaders) {
    if (message.headerBytes === 0) return;
    end = start + Math.max(0, message.headerBytes - 4);
  }
  if (end <= start) return;
  const limit = options.maxTracedMsgBytes;
  const shown = limit > 0 && end - start > limit ? `${message.body.toString("utf8", start, start + limit)}...` : message.body.toString("utf8", start, end);
  logger.trace(`${connection.label} - ${direction} MSG_PAYLOAD: [${JSON.stringify(shown)}]`);
}
