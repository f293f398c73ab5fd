// Requests for messages that wait at a pull consumer (ADR-13, ADR-42): what they ask for, and in which order they are served.
import type { Account } from "../../accounts/account.js";
import type { Interest } from "../../server/router.js";
import { NS_PER_MS } from "../time.js";
import type { PullOptions } from "./pull-options.js";

export interface PullRequest {
  readonly reply: string;
  /** Messages that are still wanted; a request that did not say has 0 and gets one. */
  left: number;
  /** Bytes that are still wanted; 0 for no limit. */
  bytesLeft: number;
  readonly maxBytes: number;
  readonly noWait: boolean;
  /** Monotonic time; infinite for none. */
  readonly expiresAtMs: number;
  readonly hasExpiry: boolean;
  /** 0 for none. */
  readonly heartbeatMs: number;
  /** Monotonic time of what was last sent to it; kept for heartbeats only. */
  lastSentMs: number;
  delivered: number;
  readonly group: string;
  readonly minPending: number;
  readonly minAckPending: number;
  readonly pinId: string;
  readonly priority: number;
  /** Who listens to `reply`, as it was when the account's interest had this generation. */
  interest: Interest | undefined;
  interestGeneration: number;
}

/** Who gets the messages of a request. */
export function interestOf(request: PullRequest, sublist: Account["sublist"]): Interest {
  if (request.interest === undefined || request.interestGeneration !== sublist.generation) {
    request.interest = sublist.match(request.reply);
    request.interestGeneration = sublist.generation;
  }
  return request.interest;
}

/** Whether somebody waits for the messages of a request. */
export function isListenedTo(request: PullRequest, sublist: Account["sublist"]): boolean {
  const { plain, queues } = interestOf(request, sublist);
  return plain.length + queues.length > 0;
}

/** A request that waits from now on; times are monotonic. */
export function waitingRequest(options: PullOptions, reply: string, nowMs: number): PullRequest {
  const hasExpiry = options.expiresNs !== 0n;
  return {
    reply,
    left: options.batch,
    bytesLeft: options.maxBytes,
    maxBytes: options.maxBytes,
    noWait: options.noWait,
    expiresAtMs: hasExpiry ? nowMs + Number(options.expiresNs) / Number(NS_PER_MS) : Number.POSITIVE_INFINITY,
    hasExpiry,
    heartbeatMs: Number(options.heartbeatNs / NS_PER_MS),
    lastSentMs: nowMs,
    delivered: 0,
    group: options.group,
    minPending: options.minPending,
    minAckPending: options.minAckPending,
    pinId: options.id,
    priority: options.priority,
    interest: undefined,
    interestGeneration: -1,
  };
}

/** The requests that wait, in the order in which they are served. */
export class PullQueue {
  readonly requests: PullRequest[] = [];

  add(request: PullRequest, byPriority: boolean): void {
    if (!byPriority) {
      this.requests.push(request);
      return;
    }
    const at = this.requests.findIndex(({ priority }) => priority > request.priority);
    this.requests.splice(at < 0 ? this.requests.length : at, 0, request);
  }

  remove(request: PullRequest): void {
    const at = this.requests.indexOf(request);
    if (at === 0) this.requests.shift();
    else if (at > 0) this.requests.splice(at, 1);
  }

  /** It was served a message and wants more: the others come first. */
  rotate(request: PullRequest, byPriority: boolean): void {
    const { requests } = this;
    if (requests.length === 1) return;
    if (requests[0] === request) requests.shift();
    else this.remove(request);
    if (byPriority) this.add(request, true);
    else requests.push(request);
  }

  /** Monotonic time at which the next one expires or wants a heartbeat; infinite for none. */
  get nextEventMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { expiresAtMs, heartbeatMs, lastSentMs } of this.requests) {
      next = Math.min(next, expiresAtMs, heartbeatMs > 0 ? lastSentMs + heartbeatMs : next);
    }
    return next;
  }
}
