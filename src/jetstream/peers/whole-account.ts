// What an account has on the other servers of this JetStream, asked of each of them.

import { type AccountUsage, accountUsage, streamInfo } from "../info.js";
import type { JetStream } from "../jetstream.js";
import type { JetStreamAccount } from "../js-account.js";
import { shownStream } from "../streams/stream-config.js";
import { timeText, ZERO_TIME } from "../time.js";
import type { JetStreamCluster } from "./cluster.js";
import type { Peer, PeerStream } from "./peer.js";
import type { Question } from "./peer-questions.js";

/** A stream of another server. */
export interface StreamElsewhere {
  readonly peer: Peer;
  readonly stream: PeerStream;
}

interface ToldUsage {
  readonly usage: AccountUsage;
  readonly api: { readonly total: number; readonly errors: number };
}

const NOTHING_STORED = {
  messages: 0,
  bytes: 0,
  first_seq: 0,
  first_ts: ZERO_TIME,
  last_seq: 0,
  last_ts: ZERO_TIME,
  consumer_count: 0,
};

/** What this server says when another asks it. */
export function answerQuestion(js: JetStream, { what, account: name, streams }: Question): unknown {
  const found = js.server.accounts.get(name);
  const account = found && js.accounts.get(found);
  if (account === undefined) return undefined;
  if (what === "usage") {
    const told: ToldUsage = {
      usage: accountUsage(account),
      api: { total: account.apiTotal, errors: account.apiErrors },
    };
    return told;
  }
  return what === "streams" ? infosOf(account, streams) : undefined;
}

function infosOf(account: JetStreamAccount, names: unknown): object[] {
  if (!Array.isArray(names)) return [];
  return names.flatMap((name) => {
    const stream = account.streams.get(String(name));
    return stream === undefined ? [] : [{ name, info: streamInfo(stream, false) }];
  });
}

/** What the servers that are online use; undefined where there are none. */
export function usageElsewhere(
  { peers, questions }: JetStreamCluster,
  account: string,
): Promise<ToldUsage[]> | undefined {
  const { online } = peers;
  if (online.length === 0) return undefined;
  const asked = online.map((peer) => questions.ask(peer, { what: "usage", account }));
  return Promise.all(asked).then((all) => all.filter((one) => one !== undefined) as ToldUsage[]);
}

/** How the list of streams shows those of other servers; `missing` are those of servers that do not answer. */
export async function listElsewhere(
  { peers, questions }: JetStreamCluster,
  account: string,
  streams: readonly StreamElsewhere[],
): Promise<{ infos: Map<string, object>; missing: string[] }> {
  const infos = new Map<string, object>();
  const ask = async (peer: Peer): Promise<void> => {
    const names = streams.flatMap((one) => (one.peer === peer ? one.stream.config.name : []));
    if (names.length === 0) return;
    const told = await questions.ask(peer, { what: "streams", account, streams: names });
    for (const { name, info } of (told ?? []) as { name: string; info: object }[]) infos.set(name, info);
  };
  await Promise.all(peers.online.map(ask));
  const missing: string[] = [];
  for (const one of streams) {
    const { name } = one.stream.config;
    if (infos.has(name)) continue;
    missing.push(name);
    infos.set(name, offlineInfo(one));
  }
  return { infos, missing };
}

function offlineInfo({ peer, stream }: StreamElsewhere): object {
  const replica = { name: peer.name, current: false, offline: true, active: 0 };
  return {
    config: shownStream(stream.config, false),
    created: timeText(stream.createdNs),
    state: NOTHING_STORED,
    cluster: { name: peer.cluster, replicas: [replica] },
  };
}
