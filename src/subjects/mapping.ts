// The subject mappings of an account: published subjects that become others, each by one of several weighted
// destinations. A subject is mapped once, never again. Described in ADR-30.

import { Sublist } from "./sublist.js";
import { SubjectTransform, TransformError } from "./transform.js";
import { hasBlank, isSubsetOf, isValidSubject } from "./validity.js";

/** One place where messages of a mapped subject may go. */
export interface MappingDestination {
  destination: string;
  /** Percent of the messages, 0 to 100. What a source's weights leave open keeps its subject. */
  weight: number;
  /** Where set, this destination holds on servers of that cluster only, and replaces the general ones there. */
  cluster?: string;
}

/** Why a mapping is refused: the stable part of the error. */
export type MappingErrorCode =
  | "INVALID_SOURCE"
  | "INVALID_DESTINATION"
  | "DUPLICATE_DESTINATION"
  | "INVALID_WEIGHT"
  | "TOTAL_WEIGHT";

/** A mapping that is refused. */
export class MappingError extends Error {
  readonly code: MappingErrorCode;
  readonly source: string;

  constructor(code: MappingErrorCode, source: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "MappingError";
    this.code = code;
    this.source = source;
  }
}

interface Choice {
  readonly transform: SubjectTransform;
  /** The end of its share, in percent of all messages. */
  readonly upTo: number;
}

interface Mapping {
  readonly subject: string;
  readonly queue: undefined;
  readonly choices: readonly Choice[];
}

/** All mappings of an account. */
export class SubjectMappings {
  readonly #sources = new Sublist<Mapping>();

  /**
   * The keys of `entries` are the sources. Of several sources that match, the most specific one counts: at the first
   * token in which they differ, a literal token comes before `*`, and `*` before `>`. Throws MappingError.
   */
  constructor(entries: Record<string, MappingDestination[]>, clusterName?: string) {
    for (const [source, destinations] of Object.entries(entries)) {
      if (!isValidSubject(source) || hasBlank(source)) {
        throw new MappingError("INVALID_SOURCE", source, `Subject "${source}" is not a valid subject`);
      }
      this.#sources.insert({ subject: source, queue: undefined, choices: compile(source, destinations, clusterName) });
    }
  }

  /** The number of sources. */
  get size(): number {
    return this.#sources.size;
  }

  /** The subjects that are mapped. */
  sources(): string[] {
    return Array.from(this.#sources.all(), ({ subject }) => subject);
  }

  /** Whether some source matches the subject; its messages may still keep it. */
  mayMap(subject: string): boolean {
    return this.#find(subject) !== undefined;
  }

  /** Whether no source matches any subject of this prefix and the numbers of `Sublist.matchNumbered`. */
  leavesNumbered(prefix: string): boolean {
    return this.#sources.matchNumbered(prefix)?.plain.length === 0;
  }

  /** Whether all messages published to the subject get the same one; false where weights or random numbers decide. */
  isFixed(subject: string): boolean {
    const choices = this.#find(subject)?.choices ?? [];
    return choices.length === 0 || (isCertain(choices) && choices[0].transform.isFixed);
  }

  /**
   * The subject that a message published to `subject` gets: the same where no source matches, and the empty one, which
   * nobody can be subscribed to, where the message is to be lost. `random` returns numbers in [0, 1).
   */
  map(subject: string, random: () => number): string {
    const mapping = this.#find(subject);
    if (mapping === undefined) return subject;
    const { choices } = mapping;
    const share = isCertain(choices) ? 0 : random() * 100;
    for (const choice of choices) {
      if (share < choice.upTo) return choice.transform.apply(subject, random) ?? "";
    }
    return "";
  }

  #find(subject: string): Mapping | undefined {
    let best: Mapping | undefined;
    for (const mapping of this.#sources.match(subject).plain) {
      // A sublist lets `*` match a published `>`; a transform has no token for it.
      if (subject.endsWith(">") && !isSubsetOf(subject, mapping.subject)) continue;
      if (best === undefined || isMoreSpecific(mapping.subject, best.subject)) best = mapping;
    }
    return best;
  }
}

function isCertain(choices: readonly Choice[]): boolean {
  return choices.length === 1 && choices[0].upTo === 100;
}

// For two sources that match the same subject.
function isMoreSpecific(a: string, b: string): boolean {
  const tokensA = a.split(".");
  const tokensB = b.split(".");
  for (let at = 0; at < Math.min(tokensA.length, tokensB.length); at++) {
    const difference = wildness(tokensA[at]) - wildness(tokensB[at]);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function wildness(token: string): number {
  if (token === ">") return 2;
  return token === "*" ? 1 : 0;
}

function compile(source: string, destinations: readonly MappingDestination[], clusterName?: string): Choice[] {
  const refuse = (code: MappingErrorCode, reason: string) =>
    new MappingError(code, source, `Error adding mapping for "${source}" : ${reason}`);
  const named = new Set<string>();
  const totals = new Map<string | undefined, number>();
  const general: { transform: SubjectTransform; weight: number }[] = [];
  const ofCluster: typeof general = [];
  for (const { destination, weight, cluster } of destinations) {
    if (named.has(destination)) throw refuse("DUPLICATE_DESTINATION", `duplicate entry for "${destination}"`);
    named.add(destination);
    if (!(weight >= 0 && weight <= 100)) throw refuse("INVALID_WEIGHT", "individual weights need to be <= 100");
    const scope = cluster === "" ? undefined : cluster;
    const total = (totals.get(scope) ?? 0) + weight;
    if (total > 100) throw refuse("TOTAL_WEIGHT", "total weight needs to be <= 100");
    totals.set(scope, total);
    const transform = compileDestination(source, destination);
    if (scope === undefined) general.push({ transform, weight });
    else if (scope === clusterName) ofCluster.push({ transform, weight });
  }
  const choices: Choice[] = [];
  let upTo = 0;
  for (const { transform, weight } of ofCluster.length > 0 ? ofCluster : general) {
    upTo += weight;
    if (weight > 0) choices.push({ transform, upTo });
  }
  // A source that is named as its own destination asks for loss.
  if (upTo < 100 && !named.has(source)) choices.push({ transform: SubjectTransform.compile(source, ""), upTo: 100 });
  return choices;
}

function compileDestination(source: string, destination: string): SubjectTransform {
  try {
    return SubjectTransform.compile(source, destination);
  } catch (error) {
    if (!(error instanceof TransformError)) throw error;
    const message = `Error adding mapping for "${source}" to "${destination}" : ${error.message}`;
    throw new MappingError("INVALID_DESTINATION", source, message, error);
  }
}
