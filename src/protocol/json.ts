// JSON with exact integers: bigint is written as digits, and integers beyond 2^53 are read as bigint. The text is what
// Go's encoding/json writes, so that answers have the same bytes as nats-server's.

const MARKUP = /[<>&\u2028\u2029]/g;
/** A string (with the colon after it, if it is a key) or a number. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const INTEGER = /^-?\d+$/;

/**
 * Writes a value. Objects keep the order of their keys, undefined members are left out; a Map is written as an object.
 * `<`, `>` and `&` in strings become escapes. `indent` is what each level adds, "" for one line.
 */
export function stringifyExact(value: unknown, indent = ""): string {
  return write(value, indent, "\n") ?? "null";
}

function write(value: unknown, indent: string, line: string): string | undefined {
  switch (typeof value) {
    case "string":
      return writeString(value);
    case "bigint":
      return value.toString();
    case "number":
      return Number.isFinite(value) ? String(value) : "null";
    case "boolean":
      return value ? "true" : "false";
    case "object":
      break;
    default:
      return undefined;
  }
  if (value === null) return "null";
  const inner = line + indent;
  const parts: string[] = [];
  if (Array.isArray(value)) {
    for (const item of value) parts.push(write(item, indent, inner) ?? "null");
    return enclose("[", parts, "]", indent, line);
  }
  const colon = indent === "" ? ":" : ": ";
  for (const [key, item] of value instanceof Map ? value : Object.entries(value)) {
    const text = write(item, indent, inner);
    if (text !== undefined) parts.push(writeString(String(key)) + colon + text);
  }
  return enclose("{", parts, "}", indent, line);
}

function enclose(open: string, parts: string[], close: string, indent: string, line: string): string {
  if (parts.length === 0) return open + close;
  if (indent === "") return open + parts.join(",") + close;
  const inner = line + indent;
  return open + inner + parts.join(`,${inner}`) + line + close;
}

function writeString(text: string): string {
  const json = JSON.stringify(text);
  return json.replace(MARKUP, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Reads JSON; integers that a number cannot hold become bigint.
 * @throws SyntaxError
 */
export function parseExact(text: string): unknown {
  return parse(text, false);
}

/**
 * The same for an object of Go, where no field takes a number with a fraction or an exponent: such a one becomes a symbol
 * with its text.
 * @throws SyntaxError
 */
export function parseIntegers(text: string): unknown {
  return parse(text, true);
}

function parse(text: string, onlyIntegers: boolean): unknown {
  const plain: unknown = JSON.parse(text);
  let found = false;
  const marked = text.replace(TOKEN, (token, colon?: string) => {
    if (token[0] === '"') return colon === undefined ? `"s${token.slice(1)}` : token;
    const isInteger = INTEGER.test(token);
    if (isInteger ? Number.isSafeInteger(Number(token)) : !onlyIntegers) return token;
    found = true;
    return isInteger ? `"n${token}"` : `"d${token}"`;
  });
  if (!found) return plain;
  return JSON.parse(marked, (_, value: unknown) => {
    if (typeof value !== "string") return value;
    const rest = value.slice(1);
    if (value[0] === "n") return BigInt(rest);
    return value[0] === "d" ? Symbol(rest) : rest;
  });
}

/** Text of bytes that are kept as latin1 (subjects, queue groups, sids) for JSON: read as UTF-8. */
export function bytesAsText(latin1: string): string {
  return /[^\x00-\x7f]/.test(latin1) ? Buffer.from(latin1, "latin1").toString("utf8") : latin1;
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
