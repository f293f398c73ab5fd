// Subject transforms: a source with wildcards and a destination that places what they matched, described in ADR-30.
// Lengths and positions count bytes, as subjects are latin1 strings here.

import { hasBlank, isSubsetOf, isValidSubject } from "./validity.js";

/** Why a transform cannot be: the stable part of the error. */
export type TransformErrorCode =
  | "INVALID_SUBJECT"
  | "INVALID_DESTINATION"
  | "UNKNOWN_FUNCTION"
  | "INDEX_OUT_OF_RANGE"
  | "NOT_ENOUGH_ARGUMENTS"
  | "TOO_MANY_ARGUMENTS"
  | "INVALID_ARGUMENT"
  | "NOT_REVERSIBLE"
  | "UNUSED_WILDCARDS";

const REASONS: Record<TransformErrorCode, string> = {
  INVALID_SUBJECT: "invalid subject",
  INVALID_DESTINATION: "invalid mapping destination: invalid transform",
  UNKNOWN_FUNCTION: "invalid mapping destination: unknown function",
  INDEX_OUT_OF_RANGE: "invalid mapping destination: wildcard index out of range",
  NOT_ENOUGH_ARGUMENTS: "invalid mapping destination: not enough arguments passed to the function",
  TOO_MANY_ARGUMENTS: "invalid mapping destination: too many arguments passed to the function",
  INVALID_ARGUMENT: "invalid mapping destination: function argument is invalid or in the wrong format",
  NOT_REVERSIBLE:
    "invalid mapping destination: the only mapping function allowed for import transforms is {{Wildcard()}}",
  UNUSED_WILDCARDS: "invalid mapping destination: not using all of the token wildcard(s)",
};

/** A source and destination that make no transform. The message is the text that clients and operators get to see. */
export class TransformError extends Error {
  readonly code: TransformErrorCode;

  /** `detail` is the token at fault. */
  constructor(code: TransformErrorCode, detail = "") {
    super(detail === "" ? REASONS[code] : `${REASONS[code]} in ${detail}`);
    this.name = "TransformError";
    this.code = code;
  }
}

/** What a token of the destination becomes, given the tokens of the subject. */
type Part = string | { readonly position: number } | ((tokens: readonly string[], random: () => number) => string);

/** Changes the subjects that its source matches into subjects of its destination. */
export class SubjectTransform {
  readonly source: string;
  readonly destination: string;
  /** Whether the same subject always becomes the same: nothing of it is drawn at random. */
  readonly isFixed: boolean;
  readonly #parts: readonly Part[];
  // How many tokens of the subject come before what `>` stands for; undefined without `>`.
  readonly #tailStart: number | undefined;

  private constructor(source: string, destination: string, parts: readonly Part[], isFixed = true) {
    const sourceTokens = source.split(".");
    this.source = source;
    this.destination = destination;
    this.isFixed = isFixed;
    this.#parts = parts;
    this.#tailStart = sourceTokens[sourceTokens.length - 1] === ">" ? sourceTokens.length - 1 : undefined;
  }

  /**
   * Makes a transform; an empty source stands for `>`, and with an empty destination nothing changes.
   * With `strict` (imports, which are also applied backwards) only plain wildcards are allowed, and all of them must be
   * used. Throws TransformError.
   */
  static compile(source: string, destination: string, options: { strict?: boolean } = {}): SubjectTransform {
    const strict = options.strict === true;
    const from = source === "" ? ">" : source;
    const fromTokens = from.split(".");
    if (destination === "") {
      if (!isValidSubject(from)) throw new TransformError("INVALID_SUBJECT");
      return new SubjectTransform(from, from, inPlace(fromTokens));
    }
    if (!strict) checkDestination(destination);
    const toTokens = destination.split(".");
    if (!isValidSubject(from) || !isValidSubject(destination) || toTokens.includes("*")) {
      throw new TransformError("INVALID_SUBJECT");
    }
    const hasTail = fromTokens.includes(">");
    if (hasTail !== toTokens.includes(">")) throw new TransformError("INVALID_SUBJECT");

    const wildcards: number[] = [];
    for (let at = 0; at < fromTokens.length; at++) if (fromTokens[at] === "*") wildcards.push(at);
    const isLiteralSource = wildcards.length === 0 && !hasTail;
    let used = 0;
    let isFixed = true;
    const parts: Part[] = [];
    for (const token of hasTail ? toTokens.slice(0, -1) : toTokens) {
      const call = parseCall(token);
      if (call === undefined) {
        parts.push(token);
        continue;
      }
      if (strict && call.name !== "wildcard" && !isLiteralSource) throw new TransformError("NOT_REVERSIBLE", token);
      if (isLiteralSource && call.name !== "partition" && call.name !== "random") {
        throw new TransformError("INDEX_OUT_OF_RANGE", token);
      }
      const positions: number[] = [];
      for (const index of isLiteralSource ? [] : call.indexes) {
        if (index > wildcards.length) throw new TransformError("INDEX_OUT_OF_RANGE", `${token}: [${index}]`);
        // Indexes below 1 stand for the first token of the subject.
        positions.push(wildcards[index - 1] ?? 0);
      }
      used += positions.length;
      if (call.name === "random") isFixed = false;
      parts.push(makePart(call, positions));
    }
    if (strict && used < wildcards.length) throw new TransformError("UNUSED_WILDCARDS", destination);
    return new SubjectTransform(from, destination, parts, isFixed);
  }

  /**
   * The subject after the transform; undefined if the source does not match it or nothing is left. The result may have
   * empty tokens (a split can leave none), and then reaches nobody. `random` returns numbers in [0, 1).
   */
  apply(subject: string, random: () => number): string | undefined {
    if (!isSubsetOf(subject, this.source)) return undefined;
    const tokens = subject.split(".");
    let result = "";
    for (let at = 0; at < this.#parts.length; at++) {
      const part = this.#parts[at];
      if (at > 0) result += ".";
      if (typeof part === "string") result += part;
      else if (typeof part === "function") result += part(tokens, random);
      else result += tokens[part.position];
    }
    if (this.#tailStart !== undefined) {
      const tail = tokens.slice(this.#tailStart).join(".");
      result = this.#parts.length === 0 ? tail : `${result}.${tail}`;
    }
    return result === "" ? undefined : result;
  }

  /** The transform that leads back; undefined if this one loses tokens or changes them. */
  inverse(): SubjectTransform | undefined {
    const sourceTokens = this.source.split(".");
    const toTokens: string[] = [];
    const placeOf = new Map<number, number>();
    for (let at = 0; at < this.#parts.length; at++) {
      const part = this.#parts[at];
      if (typeof part === "function") return undefined;
      if (typeof part === "string") {
        toTokens.push(part);
      } else {
        if (sourceTokens[part.position] !== "*") return undefined;
        if (!placeOf.has(part.position)) placeOf.set(part.position, at);
        toTokens.push("*");
      }
    }
    const parts: Part[] = [];
    const texts: string[] = [];
    for (let at = 0; at < sourceTokens.length; at++) {
      if (sourceTokens[at] === ">") continue;
      const place = sourceTokens[at] === "*" ? placeOf.get(at) : undefined;
      if (sourceTokens[at] === "*" && place === undefined) return undefined;
      parts.push(place === undefined ? sourceTokens[at] : { position: place });
      texts.push(place === undefined ? sourceTokens[at] : "$" + wildcardsUpTo(toTokens, place));
    }
    if (this.#tailStart !== undefined) {
      toTokens.push(">");
      texts.push(">");
    }
    return new SubjectTransform(toTokens.join("."), texts.join("."), parts);
  }
}

/** The destination that keeps every wildcard of a subject in place: `foo.*.*` gives `foo.$1.$2`. */
export function wildcardsToPlaceholders(subject: string): string {
  let wildcards = 0;
  return subject
    .split(".")
    .map((token) => (token === "*" ? `$${++wildcards}` : token))
    .join(".");
}

/** The subject that covers what a destination makes of wildcards: `foo.$2.{{wildcard(1)}}` gives `foo.*.*`. */
export function placeholdersToWildcards(destination: string): string {
  return destination
    .split(".")
    .map((token) => (/^\$[1-9]/.test(token) || FUNCTIONS.wildcard.test(token) ? "*" : token))
    .join(".");
}

function inPlace(tokens: readonly string[]): Part[] {
  const before = tokens[tokens.length - 1] === ">" ? tokens.slice(0, -1) : tokens;
  return before.map((token, position) => (token === "*" ? { position } : token));
}

function wildcardsUpTo(tokens: readonly string[], end: number): number {
  let count = 0;
  for (let at = 0; at <= end; at++) if (tokens[at] === "*") count++;
  return count;
}

type FunctionName = keyof typeof FUNCTIONS;

// In the order in which they are looked for; only the first letter of each part of a name may be upper case.
const FUNCTIONS = {
  wildcard: functionPattern("[wW]ildcard"),
  partition: functionPattern("[pP]artition"),
  splitfromleft: functionPattern("[sS]plit[fF]rom[lL]eft"),
  splitfromright: functionPattern("[sS]plit[fF]rom[rR]ight"),
  slicefromleft: functionPattern("[sS]lice[fF]rom[lL]eft"),
  slicefromright: functionPattern("[sS]lice[fF]rom[rR]ight"),
  right: functionPattern("[rR]ight"),
  left: functionPattern("[lL]eft"),
  split: functionPattern("[sS]plit"),
  random: functionPattern("[rR]andom"),
};

function functionPattern(name: string): RegExp {
  const blanks = "[\\t\\n\\f\\r ]*";
  return new RegExp(`\\{\\{${blanks}${name}${blanks}\\(([^\\n]*)\\)${blanks}\\}\\}`);
}

function looksLikeCall(token: string): boolean {
  return token.length > 4 && token.startsWith("{{") && token.endsWith("}}");
}

// Destinations of mappings and of streams must be clean, also where a plain subject might be accepted.
function checkDestination(destination: string): void {
  const tokens = destination.split(".");
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === "" || (at > 0 && tokens[at - 1] === ">")) throw new TransformError("INVALID_DESTINATION", token);
    if (looksLikeCall(token)) {
      if (!Object.values(FUNCTIONS).some((pattern) => pattern.test(token))) {
        throw new TransformError("UNKNOWN_FUNCTION", token);
      }
    } else if (hasBlank(token)) {
      throw new TransformError("INVALID_DESTINATION");
    }
  }
}

interface Call {
  readonly name: FunctionName;
  /** Which wildcards of the source it takes, counted from 1. */
  readonly indexes: readonly number[];
  readonly count: number;
  readonly delimiter: string;
}

// What a token of the destination asks for; undefined if it is plain text, as `$x` is.
function parseCall(token: string): Call | undefined {
  if (token.length > 1 && token.startsWith("$")) {
    const index = parseInteger(token.slice(1), 63);
    return index === undefined ? undefined : { name: "wildcard", indexes: [index], count: 0, delimiter: "" };
  }
  if (!looksLikeCall(token)) return undefined;
  for (const name of Object.keys(FUNCTIONS) as FunctionName[]) {
    const found = FUNCTIONS[name].exec(token);
    if (found !== null) return readArguments(token, name, found[1].split(/,[\t\n\f\r ]*/));
  }
  throw new TransformError("UNKNOWN_FUNCTION", token);
}

function readArguments(token: string, name: FunctionName, args: readonly string[]): Call {
  const integer = (text: string, bits = 63): number => {
    const value = parseInteger(text.replace(/^ +| +$/g, ""), bits);
    if (value === undefined) throw new TransformError("INVALID_ARGUMENT", token);
    return value;
  };
  const expect = (count: number) => {
    if (args.length < count) throw new TransformError("NOT_ENOUGH_ARGUMENTS", token);
    if (args.length > count) throw new TransformError("TOO_MANY_ARGUMENTS", token);
  };
  const bucketCount = (): number => {
    const count = integer(args[0]);
    if (count > 0x7fffffff) throw new TransformError("INVALID_ARGUMENT", token);
    return count | 0;
  };
  switch (name) {
    case "wildcard":
      expect(1);
      if (args[0] === "") throw new TransformError("NOT_ENOUGH_ARGUMENTS", token);
      return { name, indexes: [integer(args[0])], count: 0, delimiter: "" };
    case "partition": {
      const count = bucketCount();
      return { name, indexes: args.slice(1).map((arg) => integer(arg)), count, delimiter: "" };
    }
    case "random":
      if (args.length !== 1) throw new TransformError("NOT_ENOUGH_ARGUMENTS", token);
      return { name, indexes: [], count: bucketCount(), delimiter: "" };
    case "split": {
      expect(2);
      const index = integer(args[0]);
      if (args[1].includes(" ")) throw new TransformError("INVALID_ARGUMENT", token);
      return { name, indexes: [index], count: 0, delimiter: args[1] };
    }
    default:
      expect(2);
      return { name, indexes: [integer(args[0])], count: integer(args[1], 31), delimiter: "" };
  }
}

function parseInteger(text: string, bits: number): number | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return value < 2 ** bits && value >= -(2 ** bits) ? value : undefined;
}

function makePart(call: Call, positions: readonly number[]): Part {
  const { name, count, delimiter } = call;
  const position = positions[0];
  switch (name) {
    case "wildcard":
      return { position };
    case "partition":
      // Without wildcards the whole subject chooses the partition.
      return positions.length === 0
        ? (tokens) => partition(tokens.join("."), count)
        : (tokens) => partition(positions.map((at) => tokens[at]).join(""), count);
    case "random":
      return (_, random) => String(Math.floor(random() * Math.abs(count)));
    case "split":
      return (tokens) => split(tokens[position], delimiter);
    default:
      return (tokens) => {
        const token = tokens[position];
        return count > 0 && count < token.length ? CUTS[name](token, count) : token;
      };
  }
}

// Called with a count that lies inside the token.
const CUTS = {
  splitfromleft: (token: string, count: number) => `${token.slice(0, count)}.${token.slice(count)}`,
  splitfromright: (token: string, count: number) => `${token.slice(0, -count)}.${token.slice(-count)}`,
  slicefromleft: (token: string, count: number) => slices(token, count, 0),
  slicefromright: (token: string, count: number) => slices(token, count, token.length % count),
  left: (token: string, count: number) => token.slice(0, count),
  right: (token: string, count: number) => token.slice(-count),
};

function slices(token: string, count: number, first: number): string {
  const pieces = first > 0 ? [token.slice(0, first)] : [];
  for (let at = first; at < token.length; at += count) pieces.push(token.slice(at, at + count));
  return pieces.join(".");
}

// One empty piece at the start is dropped with its dot; more of them leave an empty token, and so an unusable subject.
function split(token: string, delimiter: string): string {
  const pieces = delimiter === "" ? utf8Characters(token) : token.split(delimiter);
  let result = "";
  for (let at = 0; at < pieces.length; at++) {
    result += pieces[at];
    const startsEmpty = at === 0 && pieces[at] === "";
    if (at < pieces.length - 1 && pieces[at + 1] !== "" && !startsEmpty) result += ".";
  }
  return result;
}

function utf8Characters(token: string): string[] {
  return (
    token.match(/[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|[\x00-\xff]/g) ?? [token]
  );
}

// FNV-1a with 32 bits, modulo the number of partitions as an unsigned number; 0 partitions are one.
function partition(key: string, count: number): string {
  if (count === 0) return "0";
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return String((hash >>> 0) % (count >>> 0));
}
