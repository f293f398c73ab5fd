// JetStream as the monitoring pages show it: /jsz, its part of /varz, and health checks.
import type { Account } from "../accounts/account.js";
import { formatMs } from "../protocol/rfc3339.js";
import { API_LEVEL } from "../protocol/version.js";
import type {
  JetStreamFault,
  JetStreamProblem,
  JetStreamSample,
  JetStreamSource,
  JszOptions,
} from "../server/jetstream-source.js";
import type { Consumer } from "./consumers/consumer.js";
import { consumerInfo, streamState } from "./info.js";
import type { JetStream } from "./jetstream.js";
import type { JetStreamAccount } from "./js-account.js";
import { samplesOf } from "./samples.js";
import type { Stream } from "./streams/stream.js";
import { shownStream } from "./streams/stream-config.js";
import { timeText } from "./time.js";

const DEFAULT_LIMIT = 1024;
const SYNC_INTERVAL_MS = 120_000;

export class JetStreamMonitor implements JetStreamSource {
  readonly #js: JetStream;
  readonly #folder: string;

  constructor(js: JetStream, folder: string) {
    this.#js = js;
    this.#folder = folder;
  }

  get domain(): string | undefined {
    return this.#js.domain;
  }

  get isLeader(): boolean {
    const { cluster } = this.#js;
    return cluster === undefined || cluster.peers.coordinator === "own";
  }

  isEnabledFor(account: Account): boolean {
    return this.#js.accounts.has(account);
  }

  get #config(): Record<string, unknown> {
    const { limits, options, domain } = this.#js;
    return {
      max_memory: limits.memory,
      max_storage: limits.file,
      store_dir: this.#folder,
      sync_interval: (options.syncIntervalMs ?? SYNC_INTERVAL_MS) * 1e6,
      sync_always: options.syncAlways || undefined,
      domain,
      // As nats-server has it: not where it found out the limits itself.
      compress_ok: (options.maxMemoryStoreBytes > 0 && options.maxFileStoreBytes > 0) || undefined,
      unique_tag: options.uniqueTag || undefined,
      strict: options.strict || undefined,
    };
  }

  get #stats(): object {
    const { usage, reserved, accounts } = this.#js;
    const all = [...accounts.values()];
    return {
      memory: usage.memory,
      storage: usage.file,
      reserved_memory: reserved.memory,
      reserved_storage: reserved.file,
      accounts: all.length,
      ha_assets: 0,
      api: {
        level: API_LEVEL,
        total: sum(all, ({ apiTotal }) => apiTotal),
        errors: sum(all, ({ apiErrors }) => apiErrors),
      },
    };
  }

  get #limits(): object {
    const { limits } = this.#js.options;
    const { batch } = limits;
    return {
      max_request_batch: limits.maxRequestBatch || undefined,
      max_ack_pending: limits.maxAckPending || undefined,
      max_ha_assets: limits.maxHaAssets || undefined,
      max_duplicate_window: limits.duplicateWindowMs * 1e6 || undefined,
      max_batch_inflight_per_stream: batch.maxInflightPerStream || undefined,
      max_batch_inflight_total: batch.maxInflightTotal || undefined,
      max_batch_size: batch.maxMsgs || undefined,
      max_batch_timeout: batch.timeoutMs * 1e6 || undefined,
      default_max_consumers: limits.defaultMaxConsumers,
    };
  }

  varz(): object {
    return { config: this.#config, stats: this.#stats, meta: this.#js.cluster?.describe(), limits: this.#limits };
  }

  statsz(): object {
    const { store_dir: _, ...config } = this.#config;
    return { config, stats: this.#stats, limits: this.#limits };
  }

  jsz(options: JszOptions): object {
    const { server, accounts } = this.#js;
    const all = [...accounts.values()];
    const streams = all.flatMap((account) => [...account.streams.values()]);
    const details = options.accounts || options.streams || options.consumers || options.account;
    const { limit = 0, offset = 0 } = options;
    const from = options.account ? 0 : Math.max(0, offset);
    const chosen = all
      .filter(({ account }) => !options.account || account.name === options.account)
      .sort((a, b) => (a.account.name < b.account.name ? -1 : 1))
      .slice(from, from + (limit > 0 ? limit : DEFAULT_LIMIT));
    const consumers = sum(streams, (stream) => stream.consumers.size);
    return {
      ...this.#stats,
      server_id: server.id,
      now: formatMs(server.runtime.clock.nowMs()),
      config: this.#config,
      limits: this.#limits,
      streams: streams.length,
      streams_leader: (options.raft && streams.length) || undefined,
      consumers,
      consumers_leader: (options.raft && consumers) || undefined,
      messages: sum(streams, ({ store }) => store.state.messages),
      bytes: sum(streams, ({ store }) => store.state.bytes),
      meta_cluster: this.#js.cluster?.describe(),
      account_details: details && chosen.length > 0 ? chosen.map((one) => accountPage(one, options)) : undefined,
      total: all.length,
    };
  }

  accountDetail(account: string, options: JszOptions): object | undefined {
    const found = [...this.#js.accounts.values()].find((one) => one.account.name === account);
    return found && accountPage(found, options);
  }

  samples(): Iterable<JetStreamSample> {
    return samplesOf(this.#js);
  }

  get problems(): readonly JetStreamProblem[] {
    return [...this.#js.damage.problems, ...(this.#js.cluster?.peers.twins.problems() ?? [])];
  }

  // On a server that is alone only what is on disk is looked for.
  fault(account: string, stream: string, consumer: string): JetStreamFault | undefined {
    const found = [...this.#js.accounts.values()].find((one) => one.account.name === account);
    const isAlone = this.#js.cluster === undefined;
    const streams = [...(found?.streams.values() ?? [])].filter(({ config }) => !isAlone || config.storage === "file");
    const missing = { statusCode: 404 } as const;
    const isThere = isAlone ? streams.length > 0 : found !== undefined;
    if (!isThere) return { ...missing, type: "ACCOUNT", error: `JetStream account "${account}" not found` };
    if (stream === "") return undefined;
    const named = streams.find(({ name }) => name === stream);
    if (named === undefined) {
      return { ...missing, type: "STREAM", error: `JetStream stream "${stream}" not found on account "${account}"` };
    }
    const damage = this.#js.damage.of(account, stream);
    if (damage !== undefined) return { type: "STREAM", statusCode: 503, error: damage.error };
    if (consumer === "" || named.consumers.has(consumer)) return undefined;
    const error = `JetStream consumer "${consumer}" not found for stream "${stream}" on account "${account}"`;
    return { ...missing, type: "CONSUMER", error };
  }
}

function accountPage(one: JetStreamAccount, options: JszOptions): object {
  const { usage, limits, account, apiTotal, apiErrors } = one;
  const withStreams = options.streams || options.consumers;
  const streams = [...one.streams.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    name: account.label,
    id: account.name,
    memory: usage.memory,
    storage: usage.file,
    // As nats-server has it: what the account may use, and no level.
    reserved_memory: BigInt.asUintN(64, BigInt(limits.maxMemoryBytes)),
    reserved_storage: BigInt.asUintN(64, BigInt(limits.maxStoreBytes)),
    accounts: 0,
    ha_assets: 0,
    api: { level: 0, total: apiTotal, errors: apiErrors },
    stream_detail: withStreams && streams.length > 0 ? streams.map((stream) => streamPage(stream, options)) : undefined,
  };
}

function streamPage(stream: Stream, options: JszOptions): object {
  const of = (isDirect: boolean): object[] | undefined => {
    const consumers = [...stream.consumers.values()].filter(({ config }) => config.direct === isDirect);
    return consumers.length > 0 ? consumers.map((consumer) => consumerPage(consumer, options)) : undefined;
  };
  const { js } = stream.account;
  return {
    name: stream.name,
    created: timeText(stream.createdNs),
    cluster: js.cluster?.place ?? { leader: js.server.name },
    config: options.config ? shownStream(stream.config, false) : undefined,
    state: streamState(stream),
    consumer_detail: options.consumers ? of(false) : undefined,
    mirror: stream.inflows?.describeMirror(),
    sources: stream.inflows?.describeSources(),
    direct_consumer_detail: options.consumers && options.directConsumers ? of(true) : undefined,
  };
}

function consumerPage(consumer: Consumer, options: JszOptions): object {
  const { config, ...info } = consumerInfo(consumer, false);
  const { stream_name, name, created, ...rest } = info;
  return { stream_name, name, created, config: options.config ? config : undefined, ...rest };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
