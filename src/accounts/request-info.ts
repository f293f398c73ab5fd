// The header Nats-Request-Info, which tells a service in another account who asks (conformance/wire, FACTS "Accounts").
import { headerLines, withHeader } from "../protocol/header-block.js";
import type { Message } from "./message.js";

const NAME = "Nats-Request-Info";

/** The message with this information as its only Nats-Request-Info. */
export function withRequestInfo(message: Message, info: object): Message {
  const value = Buffer.from(JSON.stringify(info), "utf8").toString("latin1");
  return message.withHeaders(Buffer.from(withHeader(message.headerText, NAME, value), "latin1"));
}

/**
 * The information that an earlier import of a chain has put into the message, with the account it came through as `svc`;
 * undefined if there is none that can be read.
 */
export function passedOn(message: Message, service: string): object | undefined {
  const line = headerLines(message.headerText).find((one) => one.startsWith(`${NAME}:`));
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
