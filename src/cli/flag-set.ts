// Command lines as Go programs read them (package flag): one or two dashes, `-name=value` or `-name value`, booleans with
// a value only behind an equals sign, and an end at the first word that is no flag or after `--`.

export type FlagKind = "boolean" | "integer" | "string";
export type FlagValue = boolean | number | string;

/** A command line that cannot be read. */
export class FlagError extends Error {
  override readonly name = "FlagError";
  readonly code = "NATS_BAD_FLAG";
}

export interface ParsedFlags {
  /** Flags that were given, by the name that was used, with their last values, in order of last use. */
  readonly given: ReadonlyMap<string, FlagValue>;
  /** What follows the flags. */
  readonly words: readonly string[];
}

/**
 * Reads a command line.
 * @param kinds the known flags, each alias on its own
 * @throws FlagError on an unknown flag, a missing value, or one of the wrong kind
 */
export function parseFlags(argv: readonly string[], kinds: ReadonlyMap<string, FlagKind>): ParsedFlags {
  const given = new Map<string, FlagValue>();
  let at = 0;
  while (at < argv.length) {
    const argument = argv[at];
    if (argument.length < 2 || argument[0] !== "-") break;
    at += 1;
    if (argument === "--") break;
    const text = argument.slice(argument[1] === "-" ? 2 : 1);
    if (text === "" || text[0] === "-" || text[0] === "=") throw new FlagError(`bad flag syntax: ${argument}`);
    const equals = text.indexOf("=");
    const name = equals < 0 ? text : text.slice(0, equals);
    let value = equals < 0 ? undefined : text.slice(equals + 1);
    const kind = kinds.get(name);
    if (kind === undefined) throw new FlagError(`flag provided but not defined: -${name}`);
    if (value === undefined) {
      if (kind === "boolean") value = "true";
      else if (at < argv.length) value = argv[at++];
      else throw new FlagError(`flag needs an argument: -${name}`);
    }
    given.delete(name);
    given.set(name, readValue(name, kind, value));
  }
  return { given, words: argv.slice(at) };
}

function readValue(name: string, kind: FlagKind, text: string): FlagValue {
  if (kind === "string") return text;
  if (kind === "boolean") {
    const value = readBoolean(text);
    if (value === undefined)
      throw new FlagError(`invalid boolean value ${JSON.stringify(text)} for -${name}: parse error`);
    return value;
  }
  const value = readInteger(text);
  if (typeof value === "string") {
    throw new FlagError(`invalid value ${JSON.stringify(text)} for flag -${name}: ${value}`);
  }
  return value;
}

function readBoolean(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  return undefined;
}

const DIGITS = /^(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/;

/** A 64-bit integer in Go's notation (0x, 0o, 0b, a leading 0 for octal, underscores), or what is wrong with it. */
function readInteger(text: string): number | "parse error" | "value out of range" {
  const negative = text.startsWith("-");
  const digits = /^[+-]/.test(text) ? text.slice(1) : text;
  if (!DIGITS.test(digits)) return "parse error";
  const plain = digits.replaceAll("_", "").toLowerCase();
  const magnitude = BigInt(/^0[0-7]/.test(plain) ? `0o${plain.slice(1)}` : plain);
  const value = negative ? -magnitude : magnitude;
  if (BigInt.asIntN(64, value) !== value) return "value out of range";
  return Number(value);
}
