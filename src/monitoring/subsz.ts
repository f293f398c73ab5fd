// /subsz: the subject lists of all accounts together, and the subscriptions in them.
import { encodeSubject } from "../options/subject-bytes.js";
import { formatMs } from "../protocol/rfc3339.js";
import { collectAccounts, collectSubscriptions } from "../server/account-status.js";
import type { Server } from "../server/server.js";
import type { SublistStats } from "../subjects/sublist.js";
import { isValidLiteral, subjectMatches } from "../subjects/validity.js";
import { subscriptionDetail } from "./connz.js";
import { MonitoringError } from "./errors.js";
import { DEFAULT_LIMIT, page } from "./paging.js";

/** What is "" or 0 counts as absent. */
export interface SubszOptions {
  readonly subscriptions?: boolean;
  readonly offset?: number;
  readonly limit?: number;
  readonly account?: string;
  /** Only subscriptions that get a message with this subject. */
  readonly test?: string;
}

/** @throws MonitoringError for a test subject with wildcards */
export async function subsz(server: Server, options: SubszOptions): Promise<object> {
  const { test = "", account: only, limit = 0 } = options;
  const offset = Math.max(0, options.offset ?? 0);
  const literal = encodeSubject(test);
  if (test !== "" && !isValidLiteral(literal)) {
    throw new MonitoringError(`invalid test subject, must be valid publish subject: ${test}`);
  }
  const accounts = (await collectAccounts(server)).filter(({ name }) => !only || name === only);
  const lists = accounts.map(({ sublist }) => sublist);
  let list: object[] = [];
  let total = 0;
  if (options.subscriptions) {
    const all = await collectSubscriptions(server, only || undefined);
    const matching = test === "" ? all : all.filter(({ subject }) => subjectMatches(literal, subject));
    total = matching.length;
    list = page(matching, offset, limit).map((one) => ({
      account: one.account,
      account_tag: one.account,
      ...subscriptionDetail(one),
    }));
  }
  return {
    server_id: server.id,
    now: formatMs(server.runtime.clock.nowMs()),
    ...sublistStats(lists),
    total,
    offset,
    limit: limit > 0 ? limit : DEFAULT_LIMIT,
    subscriptions_list: list.length > 0 ? list : undefined,
  };
}

/** Several subject lists as one. */
export function sublistStats(lists: readonly SublistStats[]): object {
  const sum = (count: (list: SublistStats) => number): number => lists.reduce((total, list) => total + count(list), 0);
  const entries = sum((list) => list.cacheEntries);
  const matches = sum((list) => list.matches);
  return {
    num_subscriptions: sum((list) => list.subscriptions),
    num_cache: entries,
    num_inserts: sum((list) => list.inserts),
    num_removes: sum((list) => list.removes),
    num_matches: matches,
    cache_hit_rate: matches === 0 ? 0 : sum((list) => list.cacheHits) / matches,
    max_fanout: lists.reduce((most, list) => Math.max(most, list.maxFanout), 0),
    avg_fanout: entries === 0 ? 0 : sum((list) => list.avgFanout * list.cacheEntries) / entries,
  };
}
