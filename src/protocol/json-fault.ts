// Why a text is no JSON, in the words of Go's encoding/json, which nats-server shows to clients.

import { GO_ESCAPES } from "./error-texts.js";

const BLANK = /[ \t\r\n]/;
const ESCAPES = '"\\/bfnrt';
const NAMED: Readonly<Record<string, string>> = { ...GO_ESCAPES, "'": "\\'" };

class Fault extends Error {}

/** Where the first of several values in a text ends; undefined when there is none. */
export function firstValueEnd(text: string): number | undefined {
  try {
    return new Scanner(text).first();
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

/** What is wrong with a text that JSON.parse has refused; of several faults the first. */
export function jsonFault(text: string): string {
  try {
    new Scanner(text).all();
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
  return "invalid JSON";
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  first(): number {
    this.#value();
    return this.#at;
  }

  all(): void {
    this.#value();
    if (this.#peek() !== "") this.#wrong("after top-level value");
  }

  #char(): string {
    return this.#text.charAt(this.#at);
  }

  // The next character that is not blank; "" at the end.
  #peek(): string {
    while (BLANK.test(this.#char())) this.#at++;
    return this.#char();
  }

  #wrong(where: string): never {
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    if (this.#char() === "") throw new Fault("unexpected end of JSON input");
    const code = char.charCodeAt(0);
    const hex = `\\x${code.toString(16).padStart(2, "0")}`;
    throw new Fault(`invalid character '${NAMED[char] ?? (code < 0x20 || code === 0x7f ? hex : char)}' ${where}`);
  }

  #value(): void {
    const char = this.#peek();
    if (char === "{") this.#object();
    else if (char === "[") this.#array();
    else if (char === '"') this.#string();
    else if (/[-\d]/.test(char)) this.#number();
    else if (char === "t") this.#literal("true");
    else if (char === "f") this.#literal("false");
    else if (char === "n") this.#literal("null");
    else this.#wrong("looking for beginning of value");
  }

  #object(): void {
    this.#at++;
    if (this.#peek() === "}") {
      this.#at++;
      return;
    }
    for (;;) {
      if (this.#peek() !== '"') this.#wrong("looking for beginning of object key string");
      this.#string();
      if (this.#peek() !== ":") this.#wrong("after object key");
      this.#at++;
      this.#value();
      if (this.#ends("}", "after object key:value pair")) return;
    }
  }

  #array(): void {
    this.#at++;
    if (this.#peek() === "]") {
      this.#at++;
      return;
    }
    do this.#value();
    while (!this.#ends("]", "after array element"));
  }

  // Behind a member: whether it was the last.
  #ends(close: string, where: string): boolean {
    const char = this.#peek();
    if (char !== close && char !== ",") this.#wrong(where);
    this.#at++;
    return char === close;
  }

  #string(): void {
    for (this.#at++; this.#char() !== '"'; this.#at++) {
      const char = this.#char();
      if (char < " ") this.#wrong("in string");
      if (char === "\\") this.#escape();
    }
    this.#at++;
  }

  #escape(): void {
    const start = this.#at++;
    const isUnicode = this.#char() === "u";
    const isWrong = (): boolean => (isUnicode ? !/[\da-fA-F]/.test(this.#char()) : !ESCAPES.includes(this.#char()));
    for (let left = isUnicode ? 4 : 1; left > 0; left--) {
      if (isUnicode) this.#at++;
      if (this.#char() === "") this.#wrong("in string");
      if (!isWrong()) continue;
      throw new Fault(`invalid escape sequence \`${this.#text.slice(start, start + (isUnicode ? 6 : 2))}\` in string`);
    }
  }

  #number(): void {
    if (this.#char() === "-") this.#at++;
    if (this.#char() === "0") this.#at++;
    else this.#digits();
    if (this.#char() === ".") {
      this.#at++;
      this.#digits();
    }
    if (/[eE]/.test(this.#char())) {
      this.#at++;
      if (/[+-]/.test(this.#char())) this.#at++;
      this.#digits();
    }
  }

  // One at least.
  #digits(): void {
    if (!/\d/.test(this.#char())) this.#wrong("in numeric literal");
    while (/\d/.test(this.#char())) this.#at++;
  }

  #literal(word: string): void {
    for (const char of word) {
      if (this.#char() !== char) this.#wrong(`in literal ${word} (expecting '${char}')`);
      this.#at++;
    }
  }
}
