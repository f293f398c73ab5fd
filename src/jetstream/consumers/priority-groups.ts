// Priority groups of a pull consumer (ADR-42): who of those that wait gets messages, by overflow, pinning or priority.
import type { Timer } from "../../runtime/clock.js";
import { NS_PER_MS, timeText, ZERO_TIME } from "../time.js";
import type { Consumer } from "./consumer.js";
import type { PullOptions } from "./pull-options.js";
import type { PullRequest } from "./pull-requests.js";

interface Pin {
  readonly id: string;
  readonly sinceNs: bigint;
  timer: Timer | undefined;
}

export class PriorityGroups {
  readonly #consumer: Consumer;
  readonly #pins = new Map<string, Pin>();

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  configure(): void {
    const { priority_policy: policy, priority_groups: groups = [] } = this.#consumer.config;
    for (const group of [...this.#pins.keys()]) {
      if (policy !== "pinned_client" || !groups.includes(group)) this.#drop(group);
    }
  }

  close(): void {
    for (const pin of this.#pins.values()) pin.timer?.cancel();
  }

  has(group: string): boolean {
    return this.#consumer.config.priority_groups?.includes(group) === true;
  }

  /** A status for a request that does not go with the policy. */
  refusalOf(options: PullOptions): string | undefined {
    const { priority_policy: policy } = this.#consumer.config;
    const bad = (why: string): string => `400 Bad Request - ${why}`;
    if (policy === "none") {
      if (options.minPending !== 0 || options.minAckPending !== 0) return bad("Not a Overflow Priority consumer");
      if (options.id !== "") return bad("Not a Pinned Client Priority consumer");
      return undefined;
    }
    if (options.isPlain) return undefined;
    if (policy !== "overflow" && (options.minPending !== 0 || options.minAckPending !== 0)) {
      return bad("Not a Overflow Priority consumer");
    }
    if (options.group === "") return bad("Priority Group missing");
    if (!this.has(options.group)) return bad("Invalid Priority Group");
    if (policy !== "pinned_client" && options.id !== "") return bad("Not a Pinned Client Priority consumer");
    const pin = this.#pins.get(options.group);
    if (policy === "pinned_client" && options.id !== "") {
      if (pin === undefined) return undefined;
      if (pin.id !== options.id) return "423 Nats-Pin-Id mismatch";
      this.#renew(options.group, pin);
    }
    return undefined;
  }

  /** Whether it is this request's turn. */
  mayServe(request: PullRequest): boolean {
    const consumer = this.#consumer;
    switch (consumer.config.priority_policy) {
      case "overflow": {
        if (request.minPending <= 0 && request.minAckPending <= 0) return true;
        const enough = request.minPending > 0 && consumer.numPending >= request.minPending;
        return enough || (request.minAckPending > 0 && consumer.state.pending.size >= request.minAckPending);
      }
      case "pinned_client": {
        // Who names no group gets what there is while nobody is pinned.
        if (request.group === "") return this.#pins.size === 0;
        const pin = this.#pins.get(request.group);
        return pin === undefined ? request.pinId === "" : pin.id === request.pinId || this.#owners.get(request) === pin;
      }
      default:
        return true;
    }
  }

  /** Whether a request names an id though none is pinned, and there is a message that it would get. */
  hasLostPin({ group, pinId }: PullRequest): boolean {
    const consumer = this.#consumer;
    if (consumer.config.priority_policy !== "pinned_client" || pinId === "" || this.#pins.has(group)) return false;
    return consumer.redelivery.queue.size > 0 || consumer.numPending > 0;
  }

  // The request that got the group pinned goes on with its batch, though it did not know the id.
  readonly #owners = new WeakMap<PullRequest, Pin>();

  /** A message goes to this request. */
  chosen(request: PullRequest): void {
    const consumer = this.#consumer;
    if (consumer.config.priority_policy !== "pinned_client" || request.group === "") return;
    let pin = this.#pins.get(request.group);
    if (pin === undefined) {
      const { js, account } = consumer.stream.account;
      pin = { id: js.nuid(), sinceNs: js.nowNs, timer: undefined };
      this.#pins.set(request.group, pin);
      this.#owners.set(request, pin);
      consumer.advise("PINNED", "consumer_group_pinned", {
        account: account.name,
        group: request.group,
        pinned_id: pin.id,
      });
    }
    this.#renew(request.group, pin);
  }

  /** What messages of the group carry: undefined without pins, "" when nobody is pinned. */
  pinOf(group: string): string | undefined {
    if (this.#consumer.config.priority_policy !== "pinned_client") return undefined;
    return this.#pins.get(group)?.id ?? "";
  }

  #renew(group: string, pin: Pin): void {
    const { js } = this.#consumer.stream.account;
    pin.timer?.cancel();
    const timeoutMs = Number(this.#consumer.config.priority_timeout / NS_PER_MS);
    pin.timer = js.after(timeoutMs, () => this.unpin(group, "timeout"));
  }

  /** The group is free again. */
  unpin(group: string, reason: "admin" | "timeout"): void {
    const pin = this.#pins.get(group);
    if (pin === undefined) return;
    const consumer = this.#consumer;
    this.#drop(group);
    consumer.advise("UNPINNED", "consumer_group_unpinned", {
      account: consumer.stream.account.account.name,
      group,
      reason,
    });
    consumer.pulls.endPinned(group, pin.id);
    consumer.wake();
  }

  #drop(group: string): void {
    this.#pins.get(group)?.timer?.cancel();
    this.#pins.delete(group);
  }

  /** For answers; undefined without groups. */
  describe(): object[] | undefined {
    const { priority_policy: policy, priority_groups: groups } = this.#consumer.config;
    if (policy === "none" || groups === undefined) return undefined;
    // One group is what there is as yet.
    return groups.slice(0, 1).map((group) => {
      const pin = this.#pins.get(group);
      return { group, pinned_client_id: pin?.id, pinned_ts: pin === undefined ? ZERO_TIME : timeText(pin.sinceNs) };
    });
  }
}
