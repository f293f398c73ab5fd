// The words of the configuration language: a cursor over one text that reads keys, scalar values, variables' names and
// comments, and knows the place of each. The language is described in NATS's documentation (Configuration) and, where that
// is silent, by what the reference accepts; parser.ts puts the words together.
import { parseZuluDate } from "../protocol/zulu-date.js";
import { ConfigSyntaxError, type ConfigSyntaxErrorCode, excerptOf, quotation } from "./errors.js";
import type { ConfigNode, Position } from "./syntax.js";
import { joinKeptBytes, keepByte } from "./text.js";

export interface VariableReference {
  readonly kind: "variable";
  readonly name: string;
  readonly position: Position;
  /** The line in the text that it stands in, be that an environment variable's. */
  readonly line: number;
}
export type Scalar = Exclude<ConfigNode, { kind: "list" | "map" }> | VariableReference;

/** The end of the text. A zero byte in a file reads the same, as in the reference. */
export const END = "\0";

const SIZE_FACTORS: Readonly<Record<string, bigint>> = sizeFactors();
const WORD_BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  false: false,
  no: false,
  off: false,
};
const ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", '"': '"', "\\": "\\" };

const SPACE = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const SPACES = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*/y;
const BLANKS = /[ \t]*/y;
const BARE_KEY = /[^\0:=\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*/y;
const BARE_TEXT = /[^\\'\0\n\r;,\]} \t]*/y;
const BARE_INCLUDE = /[^'\0\n\r;} \t]*/y;
const UNTIL_SINGLE_QUOTE = /[^'\0]*/y;
const UNTIL_DOUBLE_QUOTE = /[^"\0]*/y;
const UNTIL_QUOTE_OR_ESCAPE = /[^"\\\0]*/y;
const UNTIL_PARENTHESIS = /[^)\0]*/y;
const COMMENT = /[^\0\n\r]*/y;
const DIGIT = /\p{Nd}/uy;
const ASCII_DIGITS = /[0-9]*/y;
const ADDRESS = /[0-9.:-]*/y;
const ADDRESS_MARKS = ".:-";
const SIZE_SUFFIX_REST = /[bBiI]*/y;
const DATE_PATTERN = "0000-00-00T00:00:00Z";

/** Whether a character ends a line, and with it most values. */
export function isLineEnd(char: string): boolean {
  return char === "\n" || char === "\r";
}
/** Whether a character is a blank within a line. */
export function isBlank(char: string): boolean {
  return char === " " || char === "\t";
}
/** Whether a character separates a key from its value. */
export function isKeySeparator(char: string): boolean {
  return char === ":" || char === "=";
}

export class Lexer {
  readonly file: string;
  readonly #text: string;
  /** The place given to everything instead of its own: that of the variable whose value this text is. */
  readonly #origin: Position | undefined;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #nextNewline: number;

  constructor(file: string, text: string, origin?: Position) {
    this.file = file;
    this.#text = text;
    this.#origin = origin;
    this.#nextNewline = this.#newlineFrom(0);
  }

  /** The UTF-16 unit at the cursor, `END` at the end. */
  get char(): string {
    return this.#at < this.#text.length ? this.#text[this.#at]! : END;
  }
  get atEndOfText(): boolean {
    return this.#at >= this.#text.length;
  }
  get position(): Position {
    return this.#origin ?? this.#cursor;
  }
  get atSpace(): boolean {
    return SPACE.test(this.char);
  }

  /** Moves past one character. */
  advance(): void {
    this.#moveTo(Math.min(this.#at + 1, this.#text.length));
  }
  /** Moves past white space, line ends included. */
  skipSpaces(): void {
    this.#take(SPACES);
  }
  /** Moves past blanks and tabs. */
  skipBlanks(): void {
    this.#take(BLANKS);
  }
  /** Moves to the end of the line if a comment begins here; otherwise answers false. */
  skipComment(): boolean {
    const begins = this.char === "#" || (this.char === "/" && this.#text[this.#at + 1] === "/");
    if (begins) this.#take(COMMENT);
    return begins;
  }

  /** A key without quotes: everything up to white space, a key separator or the end; at least one character. */
  readBareKey(): string {
    const start = this.#at;
    this.advance();
    this.#take(BARE_KEY);
    return this.#text.slice(start, this.#at);
  }

  /** A key in the quotes that the cursor is at; nothing in it is an escape. `endReason` is the error of a missing quote. */
  readQuotedKey(endReason: string): string {
    return this.#readQuoted(endReason);
  }

  /** What comes after the keyword `include`: a path. */
  readIncludePath(): string {
    this.skipBlanks();
    const found = { "[": "start of an array", "{": "start of a map", "(": "start of a block", "\\": "escape sequence" };
    const wrong =
      found[this.char as keyof typeof found] ??
      (this.#atDigit || this.char === "-" ? "start of a number" : isLineEnd(this.char) ? "new line" : undefined);
    if (wrong !== undefined) throw this.error(`Expected include value but found ${wrong}`);
    if (this.char === "'") return this.#readQuoted("Unexpected EOF in quoted include");
    if (this.char === '"') return this.#readQuoted("Unexpected EOF in double quoted include");
    const path = this.#take(BARE_INCLUDE);
    if (this.char === "'") this.advance();
    return path;
  }

  /** A value that is neither a list nor a map. */
  readScalar(): Scalar {
    const { char, position } = this;
    if (char === "'") return { kind: "string", value: this.#readQuoted("Unexpected EOF."), position };
    if (char === '"') return { kind: "string", value: this.#readEscaped(), position };
    if (char === "(") return { kind: "string", value: this.#readBlock(), position };
    if (char === "-" || this.#atDigit) return this.#readNumber();
    if (char === ".") throw this.error("Floats must start with a digit");
    if (isLineEnd(char)) throw this.error("Expected value but found new line");
    return this.#readBare(this.#at, position);
  }

  /**
   * The error of what stands at the cursor, in the reference's words. A line end there counts as the beginning of the
   * next line.
   */
  error(reason: string, openedAt?: Position): ConfigSyntaxError {
    const cursor = this.#cursor;
    const position = this.char === "\n" ? { ...cursor, line: cursor.line + 1, column: 1 } : cursor;
    return this.errorAt(position, "CONFIG_SYNTAX", `Parse error on line ${position.line}: '${reason}'`, openedAt);
  }
  /** An error of any kind and place. */
  errorAt(position: Position, code: ConfigSyntaxErrorCode, reason: string, openedAt?: Position): ConfigSyntaxError {
    const excerpt = excerptOf(this.#text, openedAt ?? position);
    return new ConfigSyntaxError({ code, reason, position, openedAt, excerpt });
  }
  /** The character at the cursor as an error names it. */
  get quotedChar(): string {
    if (this.char === END) return this.atEndOfText ? "end of file" : "\\0";
    return quotation(String.fromCodePoint(this.#text.codePointAt(this.#at)!));
  }

  get #cursor(): Position {
    return { file: this.file, line: this.#line, column: this.#at - this.#lineStart + 1 };
  }
  get #atDigit(): boolean {
    const { char } = this;
    if (char <= "\x7f") return char >= "0" && char <= "9";
    DIGIT.lastIndex = this.#at;
    return DIGIT.test(this.#text);
  }

  #moveTo(end: number): void {
    while (this.#nextNewline < end) {
      this.#line++;
      this.#lineStart = this.#nextNewline + 1;
      this.#nextNewline = this.#newlineFrom(this.#lineStart);
    }
    this.#at = end;
  }
  #newlineFrom(start: number): number {
    const found = this.#text.indexOf("\n", start);
    return found === -1 ? Number.POSITIVE_INFINITY : found;
  }
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)![0];
    this.#moveTo(this.#at + taken.length);
    return taken;
  }
  #skipDigits(): void {
    this.#take(ASCII_DIGITS);
    while (this.#atDigit) this.#moveTo(this.#at + (this.char >= "\ud800" ? 2 : 1));
  }

  #readQuoted(endReason: string): string {
    const opened = this.#cursor;
    const pattern = this.char === "'" ? UNTIL_SINGLE_QUOTE : UNTIL_DOUBLE_QUOTE;
    this.advance();
    const value = this.#take(pattern);
    if (this.char === END) throw this.error(endReason, opened);
    this.advance();
    return value;
  }

  #readEscaped(): string {
    const opened = this.#cursor;
    const parts: string[] = [];
    this.advance();
    for (;;) {
      parts.push(this.#take(UNTIL_QUOTE_OR_ESCAPE));
      if (this.char === END) throw this.error("Unexpected EOF.", opened);
      if (this.char === '"') break;
      parts.push(this.#readEscape());
    }
    this.advance();
    return joinKeptBytes(parts.join(""));
  }

  #readEscape(): string {
    this.advance();
    const escaped = Object.hasOwn(ESCAPES, this.char) ? ESCAPES[this.char]! : undefined;
    if (escaped === undefined && this.char !== "x") {
      throw this.error(
        `Invalid escape character '${this.quotedChar}'. Only the following ` +
          'escape characters are allowed: \\xXX, \\t, \\n, \\r, \\", \\\\.',
      );
    }
    this.advance();
    return escaped ?? this.#readHexByte();
  }

  #readHexByte(): string {
    const digits = this.#text.slice(this.#at, this.#at + 2);
    const lineEnd = digits.search(/[\r\n]/);
    if (lineEnd !== -1) {
      this.#moveTo(this.#at + lineEnd);
      throw this.error("Expected two hexadecimal digits after '\\x', but hit end of line");
    }
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) {
      throw this.error(`Expected two hexadecimal digits after '\\x', but got '${quotation(digits)}'`);
    }
    this.#moveTo(this.#at + 2);
    return keepByte(Number.parseInt(digits, 16));
  }

  /** A block string: up to a parenthesis that stands alone on its line. */
  #readBlock(): string {
    const opened = this.#cursor;
    this.advance();
    const start = this.#at;
    for (;;) {
      this.#take(UNTIL_PARENTHESIS);
      if (this.char === END) throw this.error("Unexpected EOF processing block.", opened);
      const end = this.#at;
      this.advance();
      if (this.#text[end - 1] !== "\n") continue;
      // The reference keeps a parenthesis that ends the file, and digests must agree.
      if (this.atEndOfText) return this.#text.slice(start);
      if (this.char === "\n" || this.char === END) return this.#text.slice(start, end);
    }
  }

  /** A value without quotes: text, a boolean word or a variable. It began at `start`; the cursor may be further on. */
  #readBare(start: number, position: Position): Scalar {
    const parts = [this.#text.slice(start, this.#at) + this.#take(BARE_TEXT)];
    while (this.char === "\\") {
      parts.push(this.#readEscape(), this.#take(BARE_TEXT));
    }
    const value = joinKeptBytes(parts.join(""));
    if (this.char === "'") {
      this.advance();
      return { kind: "string", value, position };
    }
    if (parts.length > 1) return { kind: "string", value, position };
    if (value.startsWith("$")) return { kind: "variable", name: value.slice(1), position, line: this.#line };
    const word = value.length <= 5 ? value.toLowerCase() : "";
    if (Object.hasOwn(WORD_BOOLEANS, word)) return { kind: "boolean", value: WORD_BOOLEANS[word]!, position };
    return { kind: "string", value, position };
  }

  /** What begins like a number: an integer, a size, a float, a date, an address or other text. */
  #readNumber(): Scalar {
    const { position } = this;
    const start = this.#at;
    const negative = this.char === "-";
    if (negative) {
      this.advance();
      if (!this.#atDigit) {
        const got = this.quotedChar;
        throw this.error(
          got === "." ? "Floats must start with a digit, not '.'." : `Expected a digit but got '${got}'.`,
        );
      }
    }
    this.#skipDigits();
    if (this.char === ".") return this.#readFraction(start, position);
    if (this.char === "-" && !negative) return this.#readDate(start, position);
    if (/[kmgtpe]/i.test(this.char)) {
      this.advance();
      this.#take(SIZE_SUFFIX_REST);
      if (this.#atNumberEnd) return this.#integer(start, position);
      return this.#readBare(start, position);
    }
    if (negative || this.#atNumberEnd) return this.#integer(start, position);
    // The first character after the digits is text whatever it is, a closing bracket too.
    this.advance();
    return this.#readBare(start, position);
  }

  get #atNumberEnd(): boolean {
    const { char } = this;
    return char === END || char === "}" || char === ";" || char === "," || isBlank(char) || isLineEnd(char);
  }

  #integer(start: number, position: Position): Scalar {
    const text = this.#text.slice(start, this.#at);
    const [, number, suffix] = /^(-?[0-9]+)([a-zA-Z]*)$/.exec(text) ?? [];
    const wrong = (reason: string) => this.errorAt(position, "CONFIG_SYNTAX", reason);
    if (number === undefined) throw wrong(`expected integer, but got '${quotation(text)}'`);
    const factor = SIZE_FACTORS[suffix!.toLowerCase()];
    if (factor === undefined) throw wrong(`invalid integer suffix '${quotation(suffix!)}' in '${quotation(text)}'`);
    const outOfRange = () => wrong(`integer '${quotation(text)}' is out of the range`);
    if (number.replace(/^-?0*/, "").length > 19) throw outOfRange();
    const plain = BigInt(number);
    if (BigInt.asIntN(64, plain) !== plain) throw outOfRange();
    // A size beyond 64 bits wraps, as in the reference.
    return { kind: "integer", value: BigInt.asIntN(64, plain * factor), position };
  }

  #readFraction(start: number, position: Position): Scalar {
    this.advance();
    if (!this.#atDigit) {
      throw this.error(`Floats must have a digit after the '.', but got '${this.quotedChar}' instead.`);
    }
    this.#skipDigits();
    if (this.char === ".") {
      do {
        this.#take(ADDRESS);
        this.#skipDigits();
      } while (ADDRESS_MARKS.includes(this.char));
      return { kind: "string", value: this.#text.slice(start, this.#at), position };
    }
    const text = this.#text.slice(start, this.#at);
    const wrong = (reason: string) => this.errorAt(position, "CONFIG_SYNTAX", reason);
    if (!/^[0-9.-]+$/.test(text)) throw wrong(`expected float, but got '${quotation(text)}'`);
    const value = Number(text);
    if (!Number.isFinite(value)) throw wrong(`float '${quotation(text)}' is out of the range`);
    return { kind: "float", value, position };
  }

  #readDate(start: number, position: Position): Scalar {
    if (this.#at - start !== 4) throw this.error("All ISO8601 dates must be in full Zulu form.");
    for (const expected of DATE_PATTERN.slice(4)) {
      if (expected === "0" ? !this.#atDigit : this.char !== expected) {
        const wanted = expected === "0" ? "Expected digit" : `Expected '${expected}'`;
        throw this.error(`${wanted} in ISO8601 datetime, but found '${this.quotedChar}' instead.`);
      }
      this.advance();
    }
    const text = this.#text.slice(start, this.#at);
    const value = parseZuluDate(text);
    if (value === undefined) {
      const reason = `expected Zulu formatted DateTime, but got '${quotation(text)}'`;
      throw this.errorAt(position, "CONFIG_SYNTAX", reason);
    }
    return { kind: "date", value, position };
  }
}

/** k is 1000 and kb, ki and kib are 1024; m, g, t, p and e are their further powers. */
function sizeFactors(): Record<string, bigint> {
  const factors: Record<string, bigint> = { "": 1n };
  ["k", "m", "g", "t", "p", "e"].forEach((letter, index) => {
    factors[letter] = 1000n ** BigInt(index + 1);
    for (const rest of ["b", "i", "ib"]) factors[letter + rest] = 1024n ** BigInt(index + 1);
  });
  return factors;
}
