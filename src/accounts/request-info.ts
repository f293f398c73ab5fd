// The header Nats-Request-Info, which tells a service in another account who asks (conformance/wire, FACTS "Accounts").
import type { Message } from "./message.js";

const NAME = "Nats-Request-Info";
const STATUS_LINE = "NATS/1.0";

/** The message with this information as its only Nats-Request-Info. */
export function withRequestInfo(message: Message, info: object): Message {
  const value = Buffer.from(JSON.stringify(info), "utf8").toString("latin1");
  const kept = headerLines(message).filter((line) => !isInfo(line));
  if (kept.length === 0) kept.push(STATUS_LINE);
  return message.withHeaders(Buffer.from(`${kept.join("\r\n")}\r\n${NAME}: ${value}\r\n\r\n`, "latin1"));
}

/**
 * The information that an earlier import of a chain has put into the message, with the account it came through as `svc`;
 * undefined if there is none that can be read.
 */
export function passedOn(message: Message, service: string): object | undefined {
  const line = headerLines(message).find(isInfo);
  if (line === undefined) return undefined;
  let info: unknown;
  try {
    info = JSON.parse(Buffer.from(line.slice(NAME.length + 1).trim(), "latin1").toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof info !== "object" || info === null || Array.isArray(info)) return undefined;
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(info)) {
    if (name !== "svc") result[name] = value;
    if (name === "acc") result["svc"] = service;
  }
  result["svc"] ??= service;
  return result;
}

function isInfo(line: string): boolean {
  return line.length > NAME.length && line[NAME.length] === ":" && line.startsWith(NAME);
}

// Without the two line ends that close the block.
function headerLines(message: Message): string[] {
  if (message.headerBytes === 0) return [];
  const text = message.body.toString("latin1", message.start, message.start + message.headerBytes);
  return text.replace(/(\r\n)+$/, "").split("\r\n");
}
