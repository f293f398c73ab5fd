// What an account offers to others: streams (its messages) and services (its responders), and who may import them
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/accounts).
import { isSubsetOf } from "../subjects/validity.js";
import type { ServiceLatency } from "./service-latency.js";

/** How many answers a service gives to one request: one, any number, or any number ended by an empty one. */
export type ResponseType = "Singleton" | "Stream" | "Chunked";

/** Who may import. */
export interface Approval {
  readonly subject: string;
  /** Names of the accounts that may import; undefined: every account. */
  readonly accounts: ReadonlySet<string> | undefined;
  /** The token, counted from 1, in which an importer must have its own name; 0: none. */
  readonly accountTokenPosition: number;
  /** Whether an importer needs a token from the exporter; accounts of JWTs. */
  readonly tokenRequired?: boolean;
}

export type StreamExport = Approval;

export interface ServiceExport extends Approval {
  readonly responseType: ResponseType;
  /** How long an answer may take, or for several answers the pause before each of them. */
  readonly thresholdMs: number;
  /** Whether traces of messages go on in the account of the service. */
  readonly allowTrace: boolean;
  /** How the service is measured; undefined: it is not. */
  readonly latency?: ServiceLatency;
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

/**
 * Whether an account may import `subject` under this export.
 * @param isActivated whether it holds a token for an export that asks for one
 */
export function mayImport(
  approval: Approval,
  importer: string,
  subject: string,
  isActivated: (approval: Approval) => boolean = () => false,
): boolean {
  const { accounts, accountTokenPosition, tokenRequired } = approval;
  if (accountTokenPosition > 0) return subject.split(".")[accountTokenPosition - 1] === importer;
  if (tokenRequired) return isActivated(approval);
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
