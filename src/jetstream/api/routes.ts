// Finds the route of a request by its subject, with the tokens that the route's wildcards match.
import { bytesAsText } from "../../protocol/json.js";

/** Subjects that are remembered with what they mean. */
export const KNOWN_SUBJECTS = 1024;

export interface Matched<R> {
  readonly route: R;
  /** The tokens that the wildcards matched, as text. */
  readonly names: readonly string[];
}

export class Routes<R extends { readonly subject: string }> {
  readonly #routes: readonly { readonly tokens: string[]; readonly route: R }[];
  // Subjects come again.
  readonly #known = new Map<string, Matched<R>>();

  constructor(routes: readonly R[]) {
    this.#routes = routes.map((route) => ({ tokens: route.subject.split("."), route }));
  }

  /** The route for what follows the prefix of a subject. */
  find(rest: string): Matched<R> | undefined {
    const known = this.#known.get(rest);
    if (known !== undefined) return known;
    const tokens = rest.split(".");
    for (const { tokens: wanted, route } of this.#routes) {
      const names = match(tokens, wanted);
      if (names === undefined) continue;
      const matched = { route, names };
      if (this.#known.size >= KNOWN_SUBJECTS) this.#known.clear();
      this.#known.set(rest, matched);
      return matched;
    }
    return undefined;
  }
}

function match(tokens: readonly string[], wanted: readonly string[]): string[] | undefined {
  const names: string[] = [];
  for (let at = 0; at < wanted.length; at++) {
    if (wanted[at] === ">") {
      if (at >= tokens.length) return undefined;
      names.push(bytesAsText(tokens.slice(at).join(".")));
      return names;
    }
    if (at >= tokens.length || tokens[at] === "") return undefined;
    if (wanted[at] === "*") names.push(bytesAsText(tokens[at]));
    else if (wanted[at] !== tokens[at]) return undefined;
  }
  return tokens.length === wanted.length ? names : undefined;
}
