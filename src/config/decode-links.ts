// Whether the imports of accounts fit the exports of others: defined, offered to the importer, and free of cycles.
import type { AccountOptions } from "../options/options.js";
import { encodeSubject } from "../options/subject-bytes.js";
import {
  placeholdersToWildcards,
  SubjectTransform,
  TransformError,
  wildcardsToPlaceholders,
} from "../subjects/transform.js";
import {
  hasBlank,
  isLiteral,
  isSubsetOf,
  isValidLiteral,
  isValidSubject,
  subjectsOverlap,
} from "../subjects/validity.js";

const MAX_CYCLE_DEPTH = 1024;

/** Who may take an export: everybody, the accounts named, or whoever stands at a token of the subject. */
interface Offer {
  readonly accounts: Set<string> | undefined;
  readonly tokenPosition: number;
  readonly responseType: string;
}

interface Taken {
  readonly account: Linked;
  /** The subject at the exporting account. */
  readonly from: string;
  /** The subject at the importing account. */
  readonly to: string;
}

interface Linked {
  readonly name: string;
  readonly streams: Map<string, Offer>;
  readonly services: Map<string, Offer>;
  readonly takenStreams: Taken[];
  readonly takenServices: Taken[];
}

/** What is wrong between the accounts, in the reference's words and order; empty when nothing is. */
export function linkFaults(
  accounts: Readonly<Record<string, AccountOptions>>,
  options: { noSystemAccount: boolean },
): string[] {
  const linked = new Map<string, Linked>();
  for (const name of ["$G", ...Object.keys(accounts)]) {
    linked.set(name, { name, streams: new Map(), services: new Map(), takenStreams: [], takenServices: [] });
  }
  const faults: string[] = [];
  const note = (what: string, subject: string, run: () => void) => {
    try {
      run();
    } catch (error) {
      if (!(error instanceof LinkFault) && !(error instanceof TransformError)) throw error;
      faults.push(error instanceof Undefined ? error.message : `Error adding ${what} "${subject}": ${error.message}`);
    }
  };
  const each = (run: (account: Linked, given: AccountOptions) => void) => {
    for (const [name, given] of Object.entries(accounts)) run(linked.get(name)!, given);
  };
  each((account, { exports = [] }) => {
    for (const given of exports) {
      const kind = given.stream === undefined ? "service" : "stream";
      const subject = given[kind];
      if (subject === undefined) continue;
      note(`${kind} export`, subject, () => offer(account, kind, given, linked));
    }
  });
  each((account, { exports = [] }) => {
    for (const { service, latency } of exports) {
      if (service === undefined || latency === undefined) continue;
      const into = options.noSystemAccount ? "" : ` on subject "${latency.subject}"`;
      try {
        checkLatency(account, encodeSubject(service), encodeSubject(latency.subject ?? ""), options.noSystemAccount);
      } catch (error) {
        if (!(error instanceof LinkFault)) throw error;
        faults.push(`Error adding service latency sampling for "${service}"${into}: ${error.message}`);
      }
    }
  });
  each((account, { imports = [] }) => {
    for (const { stream, to, prefix } of imports) {
      if (!stream) continue;
      note("stream import", stream.subject ?? "", () => takeStream(account, stream, to, prefix, linked));
    }
  });
  each((account, { imports = [] }) => {
    for (const { service, to } of imports) {
      if (!service) continue;
      note("service import", service.subject ?? "", () => takeService(account, service, to, linked));
    }
  });
  return faults;
}

class LinkFault extends Error {}
class Undefined extends LinkFault {}

interface GivenExport {
  readonly stream?: string;
  readonly service?: string;
  readonly accounts?: readonly string[];
  readonly accountTokenPosition?: number;
  readonly responseType?: string;
}

function offer(account: Linked, kind: "stream" | "service", given: GivenExport, linked: Map<string, Linked>): void {
  const subject = encodeSubject(given[kind]!);
  const tokenPosition = given.accountTokenPosition ?? 0;
  for (const name of given.accounts ?? []) {
    if (!linked.has(name)) throw new Undefined(`"${name}" account not defined for ${kind} export`);
  }
  if (tokenPosition > 0 && subject.split(".")[tokenPosition - 1] !== "*") throw new LinkFault("invalid subject");
  const offers = kind === "stream" ? account.streams : account.services;
  offers.set(subject, {
    accounts: given.accounts?.length ? new Set(given.accounts) : undefined,
    tokenPosition,
    responseType: given.responseType ?? "Singleton",
  });
}

function checkLatency(account: Linked, service: string, results: string, noSystemAccount: boolean): void {
  if (noSystemAccount) throw new LinkFault("system account not setup");
  const isExported = account.services.has(results) || [...account.services.keys()].some((s) => isSubsetOf(results, s));
  if (!isValidLiteral(results) || hasBlank(results) || isExported) throw new LinkFault("invalid publish subject");
  if (account.services.get(service)?.responseType !== "Singleton") throw new LinkFault("bad service response type");
}

interface Source {
  readonly account?: string;
  readonly subject?: string;
}

function exporterOf(source: Source, kind: "stream" | "service", linked: Map<string, Linked>): Linked {
  const exporter = linked.get(source.account ?? "");
  if (!exporter) throw new Undefined(`"${source.account}" account not defined for ${kind} import`);
  return exporter;
}

function takeStream(
  account: Linked,
  source: Source,
  to: string | undefined,
  prefix: string | undefined,
  linked: Map<string, Linked>,
): void {
  const exporter = exporterOf(source, "stream", linked);
  const from = encodeSubject(source.subject ?? "");
  if (!isUsable(from) || !mayTake(exporter.streams, account.name, from)) {
    throw new LinkFault("stream import not authorized");
  }
  let local = encodeSubject(to || "") || from;
  if (prefix) {
    const literal = encodeSubject(prefix);
    if (!isLiteral(literal)) throw new LinkFault("stream import prefix can not contain wildcard tokens");
    local = (literal.endsWith(".") ? literal : `${literal}.`) + from;
  }
  checkStreamCycle(exporter, local, new Set([account.name]));
  checkStreamCycle(exporter, from, new Set([account.name]));
  if (!isLiteral(from) && local !== from) {
    compileTransform("stream", from, local, from, wildcardsToPlaceholders(local));
    local = placeholdersToWildcards(local);
  }
  if (account.takenStreams.some((taken) => taken.account === exporter && taken.from === from)) {
    throw new LinkFault("stream import already exists");
  }
  account.takenStreams.push({ account: exporter, from, to: local });
}

function takeService(account: Linked, source: Source, to: string | undefined, linked: Map<string, Linked>): void {
  const exporter = exporterOf(source, "service", linked);
  let remote = encodeSubject(source.subject ?? "");
  let local = encodeSubject(to || "") || remote;
  if (!isUsable(local) || !isUsable(remote)) throw new LinkFault("invalid subject");
  if (!mayTake(exporter.services, account.name, remote)) throw new LinkFault("service import not authorized");
  checkServiceCycle(exporter, isLiteral(remote) ? local : placeholdersToWildcards(local), new Set([account.name]));
  const twice = account.takenServices.find((taken) => taken.account === exporter && taken.to === local);
  if (twice) {
    const previous = `previously used in import for account "${exporter.name}", subject "${twice.from}"`;
    throw new LinkFault(`duplicate service import subject "${local}", ${previous}`);
  }
  if (!isLiteral(remote) && remote !== local) {
    remote = placeholdersToWildcards(remote);
    compileTransform("service", local, remote, remote, wildcardsToPlaceholders(local));
    local = placeholdersToWildcards(local);
    if (remote !== encodeSubject(source.subject ?? "")) throw new LinkFault("service import not found");
  }
  account.takenServices.push({ account: exporter, from: remote, to: local });
}

function compileTransform(kind: string, shownFrom: string, shownTo: string, source: string, destination: string): void {
  try {
    SubjectTransform.compile(source, destination, { strict: true });
  } catch (error) {
    if (!(error instanceof TransformError)) throw error;
    const what = `failed to create mapping transform for ${kind} import subject`;
    throw new LinkFault(`${what} from "${shownFrom}" to "${shownTo}": ${error.message}`);
  }
}

function mayTake(offers: Map<string, Offer>, importer: string, subject: string): boolean {
  const exact = offers.get(subject);
  if (exact) return isOffered(exact, importer, []);
  for (const [exported, offered] of offers) {
    if (isSubsetOf(subject, exported)) return isOffered(offered, importer, subject.split("."));
  }
  return false;
}

function isOffered(offered: Offer, importer: string, tokens: readonly string[]): boolean {
  if (offered.tokenPosition > 0) return tokens[offered.tokenPosition - 1] === encodeSubject(importer);
  return offered.accounts === undefined || offered.accounts.has(importer);
}

function checkStreamCycle(account: Linked, to: string, visited: Set<string>): void {
  if (visited.size >= MAX_CYCLE_DEPTH) throw new LinkFault("search cycle depth exhausted");
  if (![...account.streams.keys()].some((exported) => isSubsetOf(to, exported))) return;
  for (const taken of account.takenStreams) {
    if (!subjectsOverlap(to, taken.to)) continue;
    if (visited.has(taken.account.name)) throw new LinkFault("import forms a cycle");
    visited.add(account.name);
    checkStreamCycle(taken.account, isSubsetOf(taken.to, to) ? taken.to : to, visited);
  }
}

function checkServiceCycle(account: Linked, from: string, visited: Set<string>): void {
  if (visited.size >= MAX_CYCLE_DEPTH) throw new LinkFault("search cycle depth exhausted");
  for (const taken of account.takenServices) {
    if (!subjectsOverlap(from, taken.from)) continue;
    if (visited.has(taken.account.name)) throw new LinkFault("import forms a cycle");
    visited.add(account.name);
    checkServiceCycle(taken.account, isSubsetOf(taken.to, from) ? taken.to : from, visited);
  }
}

function isUsable(subject: string): boolean {
  return isValidSubject(subject) && !hasBlank(subject);
}
