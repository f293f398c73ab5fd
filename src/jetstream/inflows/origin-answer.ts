// What an origin's API answers, as far as a mirror or source needs it. The origin is another party's server: any bytes may come.
import type { Message } from "../../accounts/message.js";
import { parseExact } from "../../protocol/json.js";
import { Header, MessageHeaders } from "../streams/publish-headers.js";
import { parseTime } from "../time.js";

/** Of an origin that is another stream than the request was for. */
const IDENTITY_DIFFERS = 10225;
const IDENTITY = /^\w{8}$/;
/** The API level of servers that keep such a consumer: nats-server 2.15. At older ones two of one name would be in each other's way. */
const KEEPING_LEVEL = 5;
const UNREADABLE = "the origin's API gives an answer that cannot be read";
/** Longer texts of an origin are cut: they go into the log, advisories and infos. */
const MOST_CHARACTERS = 256;

export interface OriginAnswer {
  /** Why it is none; undefined for an answer that can be used. */
  readonly refusal?: string | undefined;
  /** Which stream is there: of a refusal because it is another one, or of the headers. */
  readonly identity?: string | undefined;
}

/** Of a stream's info. */
export interface OriginInfo extends OriginAnswer {
  /** When it was made, as the API writes that. */
  readonly created: string;
  readonly lastSequence: number;
  /** Whether it removes what its consumers are done with, and keeps one that acknowledges by flow control. */
  readonly letsGo: boolean;
}

/** Of a consumer that was made or set back. */
export interface OriginConsumer extends OriginAnswer {
  /** How many messages it will send. */
  readonly pending: number;
  /** Whether answers to its flow control acknowledge. */
  readonly acksByFlow?: boolean;
  /** Where it sends messages to. */
  readonly deliver?: string | undefined;
}

type Members = Readonly<Record<string, unknown>>;

/** A stream's info. */
export function readOriginInfo(message: Message): OriginInfo {
  const answer = membersOf(message);
  const { created, state, config } = answer ?? {};
  const lastSequence = isMembers(state) ? state["last_seq"] : undefined;
  const isReadable = typeof created === "string" && parseTime(created) !== undefined && isCount(lastSequence);
  const { retention, metadata } = isMembers(config) ? config : {};
  const level = isMembers(metadata) ? Number(metadata["_nats.level"]) : 0;
  const letsGo = retention !== "limits" && level >= KEEPING_LEVEL;
  if (isReadable && !isRefused(answer)) return { created, lastSequence, letsGo };
  return { refusal: refusalOf(answer), created: "", lastSequence: 0, letsGo };
}

/** What there is to say of a consumer that was made or set back. */
export function readOriginConsumer(message: Message): OriginConsumer {
  const answer = membersOf(message);
  const pending = answer?.["num_pending"] ?? 0;
  if (answer === undefined || isRefused(answer) || !isCount(pending))
    return { refusal: refusalOf(answer), identity: otherIdentity(answer), pending: 0 };
  const identity = MessageHeaders.of(message).get(Header.streamIdentity) ?? "";
  const config = isMembers(answer["config"]) ? answer["config"] : {};
  const { ack_policy: acks, deliver_subject: deliver } = config;
  return {
    pending,
    identity: IDENTITY.exec(identity)?.[0],
    acksByFlow: acks === "flow_control",
    deliver: typeof deliver === "string" ? deliver : undefined,
  };
}

function membersOf({ body, start, headerBytes, end }: Message): Members | undefined {
  try {
    const value = parseExact(body.toString("utf8", start + headerBytes, end));
    return isMembers(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isRefused(answer: Members | undefined): boolean {
  return (answer?.["error"] ?? undefined) !== undefined;
}

function refusalOf(answer: Members | undefined): string {
  if (!isRefused(answer)) return UNREADABLE;
  const error = answer?.["error"];
  const text = isMembers(error) ? error["description"] : undefined;
  return typeof text === "string" && text !== "" ? text.slice(0, MOST_CHARACTERS) : "refused";
}

// The refusal names the stream that is there.
function otherIdentity(answer: Members | undefined): string | undefined {
  const error = answer?.["error"];
  if (!isMembers(error) || error["err_code"] !== IDENTITY_DIFFERS) return undefined;
  return / (\w{8})$/.exec(refusalOf(answer))?.[1];
}
