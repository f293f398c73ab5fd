// What an account offers to others: streams (its messages) and services (its responders), and who may import them
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/accounts).
import { isSubsetOf } from "../subjects/validity.js";

/** How many answers a service gives to one request: one, any number, or any number ended by an empty one. */
export type ResponseType = "Singleton" | "Stream" | "Chunked";

/** Who may import. */
export interface Approval {
  /** Names of the accounts that may import; undefined: every account. */
  readonly accounts: ReadonlySet<string> | undefined;
  /** The token, counted from 1, in which an importer must have its own name; 0: none. */
  readonly accountTokenPosition: number;
}

export interface StreamExport extends Approval {
  readonly subject: string;
}

export interface ServiceExport extends Approval {
  readonly subject: string;
  readonly responseType: ResponseType;
  /** How long an answer may take, or for several answers the pause before each of them. */
  readonly thresholdMs: number;
  readonly allowTrace: boolean;
}

/** The export that an import of `subject` falls under: the one of the same subject, else the most specific that covers it. */
export function exportFor<E extends { readonly subject: string }>(
  exports: readonly E[],
  subject: string,
): E | undefined {
  let best: E | undefined;
  for (const candidate of exports) {
    if (candidate.subject === subject) return candidate;
    if (!isSubsetOf(subject, candidate.subject)) continue;
    if (best === undefined || moreSpecific(candidate.subject, best.subject)) best = candidate;
  }
  return best;
}

/** Whether an account may import `subject` under this export. */
export function mayImport(approval: Approval, importer: string, subject: string): boolean {
  const { accounts, accountTokenPosition } = approval;
  if (accountTokenPosition > 0) return subject.split(".")[accountTokenPosition - 1] === importer;
  return accounts === undefined || accounts.has(importer);
}

// For two subjects that cover a third one: at the first difference a literal token comes before `*`, and `*` before `>`.
function moreSpecific(a: string, b: string): boolean {
  const tokensB = b.split(".");
  for (const [at, token] of a.split(".").entries()) {
    if (token !== tokensB[at]) return token !== ">" && (token !== "*" || tokensB[at] === ">");
  }
  return false;
}
