// What the storage could not read, and why it refuses writes when it does: told in the log, by advisories and to health checks.
import type { JetStreamProblem } from "../server/jetstream-source.js";
import type { JetStream } from "./jetstream.js";
import type { StoreError } from "./store/errors.js";
import type { StoreProblem } from "./store/store.js";
import type { Stream } from "./streams/stream.js";

/** The list stays short, whatever happens to a disk. The log has all. */
const MOST_LISTED = 100;

export class Damage {
  readonly #js: JetStream;
  readonly #found: JetStreamProblem[] = [];
  #waiting: StoreProblem[];

  constructor(js: JetStream) {
    this.#js = js;
    this.#waiting = [...js.storage.problems];
    js.storage.onProblem = (problem) => this.#take(problem);
    js.storage.onFailure = (failure) => this.#writesFail(failure);
  }

  /** What is wrong with the storage at the moment, and what could not be read since the start. */
  get problems(): readonly JetStreamProblem[] {
    const { failure } = this.#js.storage;
    return failure === undefined ? this.#found : [{ error: refusal(failure) }, ...this.#found];
  }

  /** Of one stream; "" for any of the account. */
  of(account: string, stream: string): JetStreamProblem | undefined {
    return this.#found.find((one) => one.account === account && one.stream === stream);
  }

  /** Tells what was found while the storage was opened, once there are streams that it belongs to. */
  announce(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const problem of waiting) this.#tell(problem);
  }

  #take(problem: StoreProblem): void {
    // In a turn of its own: it is found in the middle of a read.
    this.#js.server.runtime.clock.endOfTurn(() => this.#tell(problem));
  }

  #tell({ key, message, path }: StoreProblem): void {
    const { server } = this.#js;
    const stream = this.#streamOf(key);
    const where = path === undefined ? "" : `, set aside as ${path}`;
    server.logger.error(`JetStream storage: ${message}${where}`);
    if (this.#found.length < MOST_LISTED) {
      this.#found.push({
        account: stream?.account.account.name,
        stream: stream?.name,
        error: message,
        quarantine: path,
      });
    }
    const content = { stream: stream?.name, error: message, quarantine: path };
    if (stream === undefined) {
      const { system } = server.accounts;
      if (system !== undefined) this.#js.advise(system, "STORAGE.DAMAGED", "storage_damaged", content);
      return;
    }
    stream.removed(() => {});
    this.#js.advise(stream.account.account, `STREAM.DAMAGED.${stream.wireName}`, "stream_damaged", content);
  }

  /** The keys of a stream's consumers begin with its own. */
  #streamOf(key: string): Stream | undefined {
    for (const { streams } of this.#js.accounts.values()) {
      for (const stream of streams.values()) if (key === stream.key || key.startsWith(`${stream.key}/`)) return stream;
    }
    return undefined;
  }

  #writesFail(failure: StoreError | undefined): void {
    const { logger } = this.#js.server;
    if (failure === undefined) logger.info("JetStream storage: writes are taken again");
    else logger.error(`JetStream storage: ${refusal(failure)}`);
  }
}

const refusal = (failure: StoreError): string => `writes are refused: ${failure.message}`;
