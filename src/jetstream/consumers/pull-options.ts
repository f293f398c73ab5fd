// What a pull request says: nothing, a number of messages, or JSON, which is read as strictly as Go does (ADR-13, ADR-42).
import { parseIntegers } from "../../protocol/json.js";
import { jsonFault } from "../../protocol/json-fault.js";

export interface PullOptions {
  batch: number;
  expiresNs: bigint;
  noWait: boolean;
  maxBytes: number;
  heartbeatNs: bigint;
  group: string;
  minPending: number;
  minAckPending: number;
  id: string;
  priority: number;
  /** Nothing or a number was sent: such a request may leave its group out. */
  isPlain: boolean;
}

const NOTHING: PullOptions = {
  batch: 1,
  expiresNs: 0n,
  noWait: false,
  maxBytes: 0,
  heartbeatNs: 0n,
  group: "",
  minPending: 0,
  minAckPending: 0,
  id: "",
  priority: 0,
  isPlain: true,
};

type GoType = "int" | "int64" | "time.Duration" | "bool" | "string";
type Value = bigint | boolean | string;

const TYPES: Readonly<Record<string, GoType>> = {
  batch: "int",
  expires: "time.Duration",
  no_wait: "bool",
  max_bytes: "int",
  idle_heartbeat: "time.Duration",
  group: "string",
  min_pending: "int64",
  min_ack_pending: "int64",
  id: "string",
  priority: "int",
};

/** Reads a request. Throws SyntaxError with Go's words for JSON that cannot be read. */
export function readPull(payload: Buffer): PullOptions {
  const text = payload.toString("utf8").trim();
  if (text === "") return NOTHING;
  if (!text.startsWith("{")) {
    const batch = /^\d+$/.test(text) ? Number(text) : 1;
    return { ...NOTHING, batch: batch > 0 ? batch : 1 };
  }
  const given = readJson(text);
  const number = (name: string): number => Number(given.get(name) ?? 0);
  const ns = (name: string): bigint => BigInt(given.get(name) ?? 0);
  const string = (name: string): string => String(given.get(name) ?? "");
  return {
    batch: number("batch"),
    expiresNs: ns("expires"),
    noWait: given.get("no_wait") === true,
    maxBytes: number("max_bytes"),
    heartbeatNs: ns("idle_heartbeat"),
    group: string("group"),
    minPending: number("min_pending"),
    minAckPending: number("min_ack_pending"),
    id: string("id"),
    priority: number("priority"),
    isPlain: false,
  };
}

function readJson(text: string): Map<string, Value> {
  let raw: object;
  try {
    raw = parseIntegers(text) as object;
  } catch {
    throw new SyntaxError(Buffer.from(jsonFault(text)).toString("latin1"));
  }
  const given = new Map<string, Value>();
  let wrong: SyntaxError | undefined;
  for (const [key, value] of Object.entries(raw)) {
    const name = Object.hasOwn(TYPES, key) ? key : key.toLowerCase();
    if (!Object.hasOwn(TYPES, name) || value === null) continue;
    const read = fitting(value, TYPES[name]);
    if (read !== undefined) given.set(name, read);
    else wrong ??= new SyntaxError(mismatch(value, name, TYPES[name]));
  }
  if (wrong !== undefined) throw wrong;
  return given;
}

// Undefined for a value of another type.
function fitting(value: unknown, type: GoType): Value | undefined {
  if (type === "string") return typeof value === "string" ? value : undefined;
  if (type === "bool") return typeof value === "boolean" ? value : undefined;
  if (typeof value !== "number" && typeof value !== "bigint") return undefined;
  const integer = BigInt(value);
  return BigInt.asIntN(64, integer) === integer ? integer : undefined;
}

function mismatch(value: unknown, name: string, type: GoType): string {
  return `json: cannot unmarshal ${kindOf(value, type)} into Go struct field .${name} of type ${type}`;
}

// What JSON calls a value; a number is shown where another number would do.
function kindOf(value: unknown, type: GoType): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  if (typeof value !== "symbol" && typeof value !== "bigint" && typeof value !== "number") return typeof value;
  const digits = typeof value === "symbol" ? value.description : String(value);
  return type === "string" || type === "bool" ? "number" : `number ${digits}`;
}
