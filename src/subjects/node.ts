// The trie of wildcard subjects: one level per token.
import type { Interest, Slot } from "./slot.js";

const DOT = 46;

/** Where a node holds the slot of a subject that ends at it: with no further token, with `*`, with `>`. */
export type Place = "here" | "star" | "full";

/**
 * Where the tokens so far lead. A wildcard subject that ends in `*` or `>` is held by the node above that token, which
 * saves a node for every `_INBOX.id.*`; and a single child needs no Map.
 */
export class Node<S extends Interest> {
  here: Slot<S> | undefined;
  star: Slot<S> | undefined;
  full: Slot<S> | undefined;
  starChild: Node<S> | undefined;
  // How many of the tokens below are numbers.
  #numbers = 0;
  #onlyToken = "";
  #onlyChild: Node<S> | undefined;
  #children: Map<string, Node<S>> | undefined;

  get isEmpty(): boolean {
    return (
      this.here === undefined &&
      this.star === undefined &&
      this.full === undefined &&
      this.starChild === undefined &&
      this.#onlyChild === undefined &&
      this.#children === undefined
    );
  }

  get hasTokensBelow(): boolean {
    return this.#onlyChild !== undefined || this.#children !== undefined;
  }

  get hasNumbersBelow(): boolean {
    return this.#numbers > 0;
  }

  child(token: string): Node<S> | undefined {
    if (this.#children !== undefined) return this.#children.get(token);
    return this.#onlyToken === token ? this.#onlyChild : undefined;
  }

  /** The node below for a token of a subscription's subject, `*` included. */
  below(token: string): Node<S> | undefined {
    return token === "*" ? this.starChild : this.child(token);
  }

  setBelow(token: string, node: Node<S>): void {
    if (isNumber(token)) this.#numbers++;
    if (token === "*") {
      this.starChild = node;
    } else if (this.#children !== undefined) {
      this.#children.set(token, node);
    } else if (this.#onlyChild === undefined) {
      this.#onlyToken = token;
      this.#onlyChild = node;
    } else {
      this.#children = new Map([
        [this.#onlyToken, this.#onlyChild],
        [token, node],
      ]);
      this.#onlyToken = "";
      this.#onlyChild = undefined;
    }
  }

  removeBelow(token: string): void {
    if (isNumber(token)) this.#numbers--;
    if (token === "*") {
      this.starChild = undefined;
    } else if (this.#children !== undefined) {
      this.#children.delete(token);
      if (this.#children.size === 0) this.#children = undefined;
    } else {
      this.#onlyToken = "";
      this.#onlyChild = undefined;
    }
  }

  *nodesBelow(): Iterable<Node<S>> {
    if (this.starChild !== undefined) yield this.starChild;
    if (this.#onlyChild !== undefined) yield this.#onlyChild;
    if (this.#children !== undefined) yield* this.#children.values();
  }
}

function isNumber(token: string): boolean {
  for (let at = 0; at < token.length; at++) if (!isDigit(token.charCodeAt(at))) return false;
  return token !== "";
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** How many of the last tokens of a subject are numbers, looking at no more than `most`. */
export function numbersAtEnd(subject: string, most: number): number {
  let at = subject.length - 1;
  for (let count = 0; count < most; count++) {
    const last = at;
    while (at >= 0 && isDigit(subject.charCodeAt(at))) at--;
    const isWhole = at < last && (at < 0 || subject.charCodeAt(at) === DOT);
    if (!isWhole) return count;
    if (at < 0) return count + 1;
    at--;
  }
  return most;
}

/** Takes a last `*` or `>` off the tokens, since the node above it holds the slot. */
export function placeOf(tokens: string[]): Place {
  const last = tokens[tokens.length - 1];
  if (last !== "*" && last !== ">") return "here";
  tokens.pop();
  return last === "*" ? "star" : "full";
}
