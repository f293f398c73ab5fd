// The pull side of a consumer: takes requests, chooses whom a message goes to, and tells the others why nothing comes
// (conformance/jetstream, FACTS "Pull statuses").
import type { Timer } from "../../runtime/clock.js";
import { Header, statusBlock } from "../streams/publish-headers.js";
import { goDuration } from "../time.js";
import type { Consumer } from "./consumer.js";
import type { PullOptions } from "./pull-options.js";
import { isListenedTo, PullQueue, type PullRequest, waitingRequest } from "./pull-requests.js";

const NO_BYTES = Buffer.alloc(0);
const MAX_PRIORITY = 9;

export class PullService {
  readonly #consumer: Consumer;
  readonly #queue = new PullQueue();
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  get size(): number {
    return this.#queue.requests.length;
  }

  get #nowMs(): number {
    return this.#consumer.stream.account.js.server.runtime.clock.monotonicMs();
  }

  /** Takes a request: answers it now, or lets it wait. */
  ask(options: PullOptions, reply: string): void {
    const consumer = this.#consumer;
    consumer.touch();
    const refusal = this.#refusalOf(options);
    if (refusal !== undefined) {
      this.#status(reply, refusal);
      return;
    }
    if (options.noWait && options.expiresNs === 0n && this.#queue.requests.length === 0 && !this.#hasSome) {
      this.#status(reply, "404 No Messages");
      return;
    }
    const request = waitingRequest(options, reply, this.#nowMs);
    if (options.expiresNs < 0n) {
      this.#end(request, "408 Request Timeout", true);
      return;
    }
    const { groups } = consumer;
    if (options.noWait && options.expiresNs === 0n && !groups.mayServe(request) && !groups.hasLostPin(request)) {
      this.#end(request, "404 No Messages", false);
      return;
    }
    this.#queue.add(request, this.#byPriority);
    this.#arm();
    consumer.wake();
  }

  /** Answers a request to a push consumer, whatever it holds. */
  refusePush(reply: string): void {
    this.#status(reply, "409 Consumer is push based");
  }

  get #hasSome(): boolean {
    const consumer = this.#consumer;
    return consumer.redelivery.queue.size > 0 || consumer.numPending > 0;
  }

  get #byPriority(): boolean {
    return this.#consumer.config.priority_policy === "prioritized";
  }

  // A status that ends the request at once; undefined for one that is as it should be.
  #refusalOf(options: PullOptions): string | undefined {
    const consumer = this.#consumer;
    const { config, groups } = consumer;
    if (consumer.isPush) return "409 Consumer is push based";
    const { max_batch: batch, max_expires: expires, max_bytes: bytes } = config;
    if (batch > 0 && options.batch > batch) return `409 Exceeded MaxRequestBatch of ${batch}`;
    if (expires > 0n && options.expiresNs > expires) {
      return `409 Exceeded MaxRequestExpires of ${goDuration(expires)}`;
    }
    if (bytes > 0 && options.maxBytes > bytes) return `409 Exceeded MaxRequestMaxBytes of ${bytes}`;
    if (options.heartbeatNs > 0n && (options.expiresNs === 0n || options.heartbeatNs * 2n > options.expiresNs)) {
      return "400 Bad Request - heartbeat value too large";
    }
    if (options.priority < 0 || options.priority > MAX_PRIORITY) {
      return "400 Bad Request - Priority must be between 0 and 9";
    }
    const ofGroups = groups.refusalOf(options);
    if (ofGroups !== undefined) return ofGroups;
    this.#dropGone();
    return this.size >= config.max_waiting ? "409 Exceeded MaxWaiting" : undefined;
  }

  // Requests whose inbox nobody listens to any more.
  #dropGone(): void {
    const { sublist } = this.#consumer.stream.account.account;
    const { requests } = this.#queue;
    if (this.size < this.#consumer.config.max_waiting) return;
    for (const request of [...requests]) if (!sublist.hasInterest(request.reply)) this.#queue.remove(request);
  }

  /** Requests that somebody still waits for. */
  get waiting(): number {
    const { sublist } = this.#consumer.stream.account.account;
    return [...this.#queue.requests].filter(({ reply }) => sublist.hasInterest(reply)).length;
  }

  /** The request whose turn it is; undefined when none waits that could be served. */
  next(): PullRequest | undefined {
    const consumer = this.#consumer;
    const { account } = consumer.stream.account;
    const { requests } = this.#queue;
    for (let at = 0; at < requests.length; ) {
      const request = requests[at];
      if (!isListenedTo(request, account.sublist)) this.#queue.remove(request);
      else if (consumer.groups.mayServe(request)) return request;
      else if (consumer.groups.hasLostPin(request)) this.#end(request, "423 Nats-Wrong-Pin-Id", true);
      else at++;
    }
    return undefined;
  }

  /** The request that a message of so many bytes goes to, `first` if it is small enough; undefined when none takes it. */
  choose(first: PullRequest | undefined, bytes: number): PullRequest | undefined {
    for (let request = first; request !== undefined; request = this.next()) {
      if (request.maxBytes <= 0 || bytes <= request.bytesLeft) {
        this.#consumer.groups.chosen(request);
        return request;
      }
      this.#end(request, "409 Message Size Exceeds MaxBytes", true);
    }
    return undefined;
  }

  /** The request was sent a message of so many bytes. */
  served(request: PullRequest, bytes: number): void {
    request.left--;
    request.delivered++;
    if (request.heartbeatMs > 0) request.lastSentMs = this.#nowMs;
    if (request.maxBytes > 0) request.bytesLeft -= bytes;
    if (request.left <= 0) {
      this.#queue.remove(request);
      if (request.maxBytes > 0 && request.bytesLeft > 0) this.#end(request, "409 Batch Completed", true);
    } else this.#queue.rotate(request, this.#byPriority);
  }

  /** There is nothing more to deliver now, or nobody it could go to. */
  nothingLeft(): void {
    if (!this.#queue.requests.some(({ noWait }) => noWait)) return;
    for (const request of [...this.#queue.requests]) {
      if (request.noWait && (request.delivered > 0 || !request.hasExpiry)) this.#end(request, "404 No Messages", false);
    }
  }

  /** Requests that the new configuration does not allow end. */
  configChanged(): void {
    for (const request of [...this.#queue.requests]) {
      if (this.#consumer.isPush) this.#end(request, "409 Consumer is push based", false);
    }
    this.#consumer.wake();
  }

  endAll(status: string, withPending: boolean): void {
    for (const request of [...this.#queue.requests]) this.#end(request, status, withPending);
  }

  /** A request that was waiting under an id that is no longer pinned. */
  endPinned(group: string, pinId: string): void {
    for (const request of [...this.#queue.requests]) {
      if (request.group === group && request.pinId === pinId) this.#end(request, "423 Nats-Wrong-Pin-Id", true);
    }
  }

  /** Ends a request with a status. */
  end(request: PullRequest, status: string): void {
    this.#end(request, status, true);
  }

  #end(request: PullRequest, status: string, withPending: boolean): void {
    this.#queue.remove(request);
    this.#status(
      request.reply,
      status,
      withPending
        ? [
            [Header.pendingMessages, request.left],
            [Header.pendingBytes, request.bytesLeft],
          ]
        : [],
    );
  }

  #status(reply: string, status: string, headers: readonly (readonly [string, string | number])[] = []): void {
    const { js, account } = this.#consumer.stream.account;
    js.send(account, reply, NO_BYTES, statusBlock(status, headers));
  }

  #arm(): void {
    const atMs = this.#queue.nextEventMs;
    if (atMs >= this.#timerAtMs || atMs === Number.POSITIVE_INFINITY) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = this.#consumer.stream.account.js.after(atMs - this.#nowMs + 1, () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#tick();
    });
  }

  #tick(): void {
    const nowMs = this.#nowMs;
    for (const request of [...this.#queue.requests]) {
      if (request.expiresAtMs <= nowMs) {
        const nothing = request.noWait && request.delivered > 0;
        if (nothing) this.#end(request, "404 No Messages", false);
        else this.#end(request, "408 Request Timeout", true);
        this.#consumer.touch();
      } else if (request.heartbeatMs > 0 && request.lastSentMs + request.heartbeatMs <= nowMs) {
        request.lastSentMs = nowMs;
        const { state } = this.#consumer;
        this.#status(request.reply, "100 Idle Heartbeat", [
          [Header.lastConsumer, state.nextConsumer - 1],
          [Header.lastStream, state.nextStream - 1],
        ]);
      }
    }
    this.#arm();
  }

  /** Ends requests whose time is over though their timer has not fired yet: nobody waits for what they would be sent. */
  endExpired(): void {
    if (this.#timerAtMs <= this.#nowMs) this.#tick();
  }

  close(): void {
    this.#timer?.cancel();
  }
}
