// What monitoring, events and INFO ask of JetStream; the room for it puts itself in.
import type { Account } from "../accounts/account.js";

/** What /jsz is asked for. */
export interface JszOptions {
  readonly account?: string;
  readonly accounts?: boolean;
  readonly streams?: boolean;
  readonly consumers?: boolean;
  readonly directConsumers?: boolean;
  readonly config?: boolean;
  /** Of how many streams and consumers this server is the leader. */
  readonly raft?: boolean;
  readonly offset?: number;
  readonly limit?: number;
}

/** What a stream or consumer lacks that a health check names. */
export interface JetStreamFault {
  readonly type: "ACCOUNT" | "STREAM" | "CONSUMER";
  /** As of HTTP: it is not there (404), or not whole (503). */
  readonly statusCode: 404 | 503;
  readonly error: string;
}

/** A part of the storage that could not be read, or why writes are refused. */
export interface JetStreamProblem {
  /** Undefined where it belongs to no stream. */
  readonly account?: string | undefined;
  readonly stream?: string | undefined;
  readonly error: string;
  /** The file that holds the bytes that could not be read. */
  readonly quarantine?: string | undefined;
}

/** A number that natsnode's own metrics have beyond the pages; its name follows `natsnode_jetstream_`. */
export interface JetStreamSample {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface JetStreamSource {
  /** Undefined for none. */
  readonly domain: string | undefined;
  /** Whether it decides for all servers of this JetStream. */
  readonly isLeader: boolean;
  isEnabledFor(account: Account): boolean;
  /** The page of the whole server. */
  jsz(options: JszOptions): object;
  /** One account, or undefined where it has no JetStream. */
  accountDetail(account: string, options: JszOptions): object | undefined;
  /** As /varz shows it. */
  varz(): object;
  /** As servers tell each other. */
  statsz(): object;
  /** What is measured beyond the pages. */
  samples(): Iterable<JetStreamSample>;
  /** What is wrong with the storage; the rest is served. */
  readonly problems: readonly JetStreamProblem[];
  /** What is wrong with what a health check names; undefined if nothing is. */
  fault(account: string, stream: string, consumer: string): JetStreamFault | undefined;
}
