// A configuration's text into its values: keys, lists, maps and the braces of JSON, with variables looked up and included
// files read on the way. The words come from lexer.ts, the errors' codes are in errors.ts.
import { dirname, join, normalize } from "node:path";
import { ConfigSyntaxError, quotation } from "./errors.js";
import { END, isBlank, isKeySeparator, isLineEnd, Lexer, type VariableReference } from "./lexer.js";
import { CONFIG_LIMITS } from "./limits.js";
import { type ConfigSource, type ConfigWorld, describeReadError, Session } from "./session.js";
import type { ConfigEntry, ConfigList, ConfigMap, ConfigNode, Position } from "./syntax.js";

/**
 * Reads a configuration. Keys keep their case and meaning is given to none; an empty text is an empty map.
 *
 * @throws ConfigSyntaxError, and nothing else, whatever the text. Errors of `world.readFile` become `CONFIG_INCLUDE`.
 */
export function parseConfig(source: ConfigSource, world: ConfigWorld): ConfigMap {
  const session = new Session(world);
  session.files.push(normalize(source.file));
  return new Parser(source, session, 0).parse();
}

type Entries = Map<string, ConfigEntry>;
interface Key {
  readonly name: string;
  readonly position: Position;
}

const ENV_KEY = "pk";

class Parser {
  readonly #source: ConfigSource;
  readonly #session: Session;
  readonly #lexer: Lexer;
  readonly #root: Entries = new Map();
  /** The maps that are open here, the root first: where a variable's name is looked up. */
  readonly #scopes: Entries[] = [this.#root];
  #depth: number;

  /** @param origin for the value of an environment variable: where the variable is named. */
  constructor(source: ConfigSource, session: Session, depth: number, origin?: Position) {
    this.#source = source;
    this.#session = session;
    this.#lexer = new Lexer(source.file, source.text, origin);
    this.#depth = depth;
  }

  parse(): ConfigMap {
    const { position } = this.#lexer;
    this.#session.sources++;
    this.#session.textChars += this.#source.text.length;
    if (this.#session.textChars > CONFIG_LIMITS.textChars) {
      throw this.#overLimit(position, `more than ${CONFIG_LIMITS.textChars} characters of configuration`);
    }
    if (this.#source.text.startsWith("\ufeff")) {
      const word = quotation(/^[^\s:=]+/.exec(this.#source.text.slice(1))?.[0] ?? "");
      throw this.#lexer.errorAt(
        position,
        "CONFIG_SYNTAX",
        `unknown field "${word}": a byte order mark stands before it`,
      );
    }
    this.#readTop();
    return { kind: "map", entries: this.#root, position };
  }

  /** The file's own level. Braces around all of it, as in JSON, may nest and may stay open at the end. */
  #readTop(): void {
    const lexer = this.#lexer;
    let braces = 0;
    for (;;) {
      lexer.skipSpaces();
      if (lexer.atEndOfText) return;
      if (lexer.skipComment()) continue;
      if (lexer.char === "{") {
        lexer.advance();
        braces++;
      } else if (lexer.char === "}" && braces > 0) {
        braces = this.#closeBraces(braces);
      } else if (lexer.char === "/" || lexer.char === END) {
        throw lexer.error("Unexpected EOF.");
      } else {
        if (!this.#readTopEntry()) return;
        if (braces === 0) this.#endTopValue();
        else if (this.#endBlockValue()) braces = this.#closeBraces(braces);
      }
    }
  }

  /** False when only the last key of the text, a closing brace too many, was there. */
  #readTopEntry(): boolean {
    const lexer = this.#lexer;
    if (isKeySeparator(lexer.char)) throw lexer.error(`Unexpected key separator '${lexer.char}'`);
    const key = this.#readKey("Unexpected EOF.");
    if (key === undefined) return true;
    lexer.skipSpaces();
    if (isKeySeparator(lexer.char)) {
      lexer.advance();
    } else if (lexer.char === END) {
      if (key.name === "}") return false;
      throw lexer.errorAt(lexer.position, "CONFIG_SYNTAX", "config is invalid");
    }
    this.#setEntry(key, this.#readValue());
    return true;
  }

  /** After a value without braces around: the end of the line, or a stray closing brace. */
  #endTopValue(): void {
    const lexer = this.#lexer;
    for (;;) {
      lexer.skipBlanks();
      if (lexer.skipComment()) return;
      const { char } = lexer;
      if (isLineEnd(char) || char === END || char === ";" || char === "," || char === "}") break;
      if (char !== "/") {
        throw lexer.error(
          `Expected a top-level value to end with a new line, comment or EOF, but got '${lexer.quotedChar}' instead.`,
        );
      }
      lexer.advance();
    }
    lexer.advance();
  }

  /** After a value within braces around the file. True at a closing brace. */
  #endBlockValue(): boolean {
    const lexer = this.#lexer;
    for (;;) {
      lexer.skipBlanks();
      if (lexer.skipComment()) continue;
      const { char } = lexer;
      if (char === "}") return true;
      const ends = isLineEnd(char) || char === ";" || char === ",";
      if (!ends && char !== "/") {
        throw lexer.error(
          `Expected a block-level value to end with a new line, comment or EOF, but got '${lexer.quotedChar}' instead.`,
        );
      }
      lexer.advance();
      if (ends) return false;
    }
  }

  /** At a closing brace: how many of the braces around the file remain open, once those that follow are closed too. */
  #closeBraces(open: number): number {
    const lexer = this.#lexer;
    let remaining = open;
    for (;;) {
      if (lexer.char === "}") {
        lexer.advance();
        remaining--;
        if (remaining === 0) return 0;
      } else if (lexer.skipComment()) {
        return remaining;
      } else if (lexer.char === ";" || lexer.char === ",") {
        lexer.advance();
        return remaining;
      } else if (isLineEnd(lexer.char) || isBlank(lexer.char) || lexer.char === "/") {
        lexer.advance();
      } else {
        throw lexer.error(`Expected a block-level to end with a '}', but got '${lexer.quotedChar}' instead.`);
      }
    }
  }

  #readMap(): ConfigMap {
    const lexer = this.#lexer;
    const { position } = lexer;
    const entries: Entries = new Map();
    this.#enter(position);
    this.#scopes.push(entries);
    lexer.advance();
    for (;;) {
      lexer.skipSpaces();
      const { char } = lexer;
      if (char === "}") break;
      if (lexer.skipComment()) continue;
      if (isKeySeparator(char)) throw lexer.error(`Unexpected key separator '${char}'.`);
      if (char === "]") throw lexer.error(`Unexpected array end ']' processing map.`, position);
      if (char === END) throw lexer.error("Unexpected EOF processing map.", position);
      this.#readMapEntry(position);
      if (this.#endMapValue(position)) break;
    }
    lexer.advance();
    this.#scopes.pop();
    this.#depth--;
    const map: ConfigMap = { kind: "map", entries, position };
    this.#session.measure(
      map,
      Array.from(entries.values(), (entry) => entry.value),
    );
    return map;
  }

  #readMapEntry(opened: Position): void {
    const lexer = this.#lexer;
    const key = this.#readKey("Unexpected EOF processing quoted map key.");
    if (key === undefined) return;
    if (lexer.char === END) throw lexer.error("Unexpected EOF processing map key.", opened);
    lexer.skipSpaces();
    if (isKeySeparator(lexer.char)) lexer.advance();
    lexer.skipSpaces();
    if (lexer.char === ",") throw lexer.error(`Unexpected map value terminator ",".`);
    if (lexer.char === "}") {
      throw lexer.errorAt(key.position, "CONFIG_SYNTAX", `key "${quotation(key.name)}" has no value`);
    }
    this.#setEntry(key, this.#readValue());
  }

  /** After a value of a map. True at its closing brace. */
  #endMapValue(opened: Position): boolean {
    const lexer = this.#lexer;
    do lexer.skipBlanks();
    while (lexer.skipComment());
    const { char } = lexer;
    if (char === "}") return true;
    if (char !== "," && char !== ";" && char !== "/" && !isLineEnd(char)) {
      const got = lexer.quotedChar;
      throw lexer.error(
        `Expected a map value terminator "," or a map terminator "}", but got '${got}' instead.`,
        char === END ? opened : undefined,
      );
    }
    lexer.advance();
    return false;
  }

  #readList(): ConfigList {
    const lexer = this.#lexer;
    const { position } = lexer;
    const items: ConfigNode[] = [];
    this.#enter(position);
    lexer.advance();
    for (;;) {
      lexer.skipSpaces();
      const { char } = lexer;
      if (char === "]") break;
      if (lexer.skipComment()) continue;
      if (char === "," || char === "/") throw lexer.error("Unexpected array value terminator ','.");
      items.push(this.#readValue());
      if (this.#endListValue(position)) break;
    }
    lexer.advance();
    this.#depth--;
    const list: ConfigList = { kind: "list", items, position };
    this.#session.measure(list, items);
    return list;
  }

  /** After a value of a list. True at its closing bracket. */
  #endListValue(opened: Position): boolean {
    const lexer = this.#lexer;
    do lexer.skipBlanks();
    while (lexer.skipComment());
    const { char } = lexer;
    if (char === "]") return true;
    if (char !== "," && char !== "/" && !isLineEnd(char)) {
      const got = lexer.quotedChar;
      throw lexer.error(
        `Expected an array value terminator "," or an array terminator "]", but got '${got}' instead.`,
        char === END ? opened : undefined,
      );
    }
    lexer.advance();
    return false;
  }

  /** The next key; undefined when the word was `include` and the file's entries are in place. */
  #readKey(endReason: string): Key | undefined {
    const lexer = this.#lexer;
    const { position } = lexer;
    if (lexer.char === '"' || lexer.char === "'") return { name: lexer.readQuotedKey(endReason), position };
    // A lone slash means nothing, and what follows it begins a key whatever it is.
    if (lexer.char === "/") lexer.advance();
    const name = lexer.readBareKey();
    if (lexer.atSpace && /^include$/i.test(name)) {
      this.#include(lexer.readIncludePath(), position);
      return undefined;
    }
    return { name, position };
  }

  #readValue(): ConfigNode {
    const lexer = this.#lexer;
    lexer.skipBlanks();
    if (lexer.char === "[") return this.#readList();
    if (lexer.char === "{") return this.#readMap();
    const scalar = lexer.readScalar();
    return scalar.kind === "variable" ? this.#resolve(scalar) : scalar;
  }

  #setEntry(key: Key, value: ConfigNode): void {
    this.#putEntry({ key: key.name, keyPosition: key.position, value, usedAsVariable: false });
  }
  #putEntry(entry: ConfigEntry): void {
    const scope = this.#scopes.at(-1)!;
    scope.delete(entry.key);
    scope.set(entry.key, entry);
  }

  #resolve(variable: VariableReference): ConfigNode {
    const { name, position, line } = variable;
    // A bcrypt hash needs no quotes.
    if (name.startsWith("2a$")) return { kind: "string", value: `$${name}`, position };
    const value = this.#fromScopes(name) ?? this.#fromEnvironment(variable);
    if (value === undefined) {
      throw this.#lexer.errorAt(
        position,
        "CONFIG_VARIABLE",
        `variable reference for '${quotation(name)}' on line ${line} can not be found`,
      );
    }
    this.#session.variableChars += this.#session.sizeOf(value);
    if (this.#session.variableChars > CONFIG_LIMITS.variableChars) {
      throw this.#overLimit(position, `variables expand to more than ${CONFIG_LIMITS.variableChars} characters`);
    }
    return this.#session.copyTo(position, value);
  }

  #fromScopes(name: string): ConfigNode | undefined {
    const entry = this.#scopes.findLast((scope) => scope.has(name))?.get(name);
    if (entry !== undefined) entry.usedAsVariable = true;
    return entry?.value;
  }

  /** An environment variable's text is read as a value of the configuration. */
  #fromEnvironment({ name, position, line }: VariableReference): ConfigNode | undefined {
    const { variables, world } = this.#session;
    const unreadable = (why: string) =>
      this.#lexer.errorAt(
        position,
        "CONFIG_VARIABLE",
        `variable reference for '${quotation(name)}' on line ${line} could not be parsed: ${why}`,
      );
    if (variables.has(name)) throw unreadable(`variable reference cycle for '${quotation(name)}'`);
    const text = world.env(name);
    if (text === undefined) return undefined;
    this.#checkSources(position, variables.size);
    variables.add(name);
    try {
      const source = { file: "", text: `${ENV_KEY}=${text}` };
      const parsed = new Parser(source, this.#session, this.#depth, position).parse();
      return parsed.entries.get(ENV_KEY)?.value;
    } catch (error) {
      if (!(error instanceof ConfigSyntaxError)) throw error;
      throw error.code === "CONFIG_LIMIT" ? this.#overLimit(position, error.reason) : unreadable(error.reason);
    } finally {
      variables.delete(name);
    }
  }

  /** Puts the entries of another file in this place; its variables see only that file's keys. */
  #include(named: string, position: Position): void {
    const { files, world } = this.#session;
    const file = join(dirname(this.#source.file), named).replace(/(?<=.)\/$/, "");
    const refused = (why: string) =>
      this.#lexer.errorAt(position, "CONFIG_INCLUDE", `error parsing include file '${quotation(named)}', ${why}`);
    if (files.includes(file)) throw refused(`it includes itself: ${[...files, file].join(" -> ")}`);
    this.#checkSources(position, files.length);
    let text: string;
    try {
      text = world.readFile(file);
    } catch (error) {
      throw refused(describeReadError(file, error));
    }
    files.push(file);
    try {
      const included = new Parser({ file, text }, this.#session, this.#depth).parse();
      for (const entry of included.entries.values()) this.#putEntry(entry);
    } catch (error) {
      throw error instanceof ConfigSyntaxError ? error.inInclude(named) : error;
    } finally {
      files.pop();
    }
  }

  #checkSources(position: Position, depth: number): void {
    if (depth >= CONFIG_LIMITS.includeDepth) {
      throw this.#overLimit(position, `more than ${CONFIG_LIMITS.includeDepth} files or variables inside one another`);
    }
    if (this.#session.sources >= CONFIG_LIMITS.sources) {
      throw this.#overLimit(position, `more than ${CONFIG_LIMITS.sources} files and variables`);
    }
  }

  #enter(position: Position): void {
    this.#depth++;
    if (this.#depth > CONFIG_LIMITS.nestingDepth) {
      throw this.#overLimit(position, `more than ${CONFIG_LIMITS.nestingDepth} lists and maps inside one another`);
    }
  }

  #overLimit(position: Position, reason: string): ConfigSyntaxError {
    return this.#lexer.errorAt(position, "CONFIG_LIMIT", reason);
  }
}
