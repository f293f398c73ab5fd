// Dials the other servers of the cluster, again and again where they are configured
// (conformance/topology, WIRE.md "Reconnect delays").
import type { Timer } from "../runtime/clock.js";
import type { Logger } from "../runtime/logger.js";
import type { Transport } from "../runtime/network.js";
import type { Runtime } from "../runtime/runtime.js";
import { hostPort } from "../server/host-port.js";
import {
  GOSSIP_RETRY_MS,
  ROUTE_BACKOFF_LIMIT_MS,
  ROUTE_DIAL_MS,
  ROUTE_RETRY_JITTER_MS,
  ROUTE_RETRY_MS,
} from "./limits.js";
import type { RouteUrl } from "./route-url.js";

/** A server that this one dials. */
export class Solicitation {
  readonly url: RouteUrl;
  /** Configured, and dialled until it is there; otherwise learned from another server. */
  readonly explicit: boolean;
  /** As the server that told of it said; it is passed on in INFO. */
  readonly gossipMode: number;
  /** Attempts in a row that did not lead to a connection. */
  failures = 0;

  constructor(url: RouteUrl, explicit: boolean, gossipMode = 0) {
    this.url = url;
    this.explicit = explicit;
    this.gossipMode = gossipMode;
  }
}

export interface DialerWorld {
  readonly runtime: Runtime;
  readonly logger: () => Logger;
  /** Attempts at servers that are not configured, beyond the first. */
  readonly retries: () => number;
  /** Whether the pauses grow. */
  readonly backsOff: () => boolean;
  /** A connection was made; `account`: for this account (latin1) alone. */
  dialled(transport: Transport, solicitation: Solicitation, account: string | undefined): void;
}

export class Dialer {
  readonly #world: DialerWorld;
  // What is being dialled, or waits for its next attempt.
  readonly #pending = new Map<string, { solicitation: Solicitation; timer: Timer | undefined }>();
  #stopped = false;

  constructor(world: DialerWorld) {
    this.#world = world;
  }

  /** How many are being dialled, or wait for their next attempt. */
  get size(): number {
    return this.#pending.size;
  }

  /** Dials after `delayMs`, unless that is being done already. */
  start(solicitation: Solicitation, account: string | undefined, delayMs = 0): void {
    const key = `${solicitation.url.text} ${account ?? ""}`;
    if (this.#stopped || this.#pending.has(key)) return;
    const pending = { solicitation, timer: undefined as Timer | undefined };
    this.#pending.set(key, pending);
    const attempt = (): void => {
      pending.timer = undefined;
      void this.#attempt(key, pending, account, attempt);
    };
    pending.timer = this.#world.runtime.clock.after(delayMs, attempt);
  }

  /** After a connection was lost, or was refused. */
  again(solicitation: Solicitation, account: string | undefined): void {
    if (!solicitation.explicit && solicitation.failures > this.#world.retries()) return;
    const jitterMs = ROUTE_RETRY_JITTER_MS * this.#world.runtime.random.float();
    const pauseMs = solicitation.explicit ? this.#pauseMs(solicitation) : solicitation.failures * GOSSIP_RETRY_MS;
    this.start(solicitation, account, pauseMs + jitterMs);
  }

  /** Dials those no more. */
  forget(which: (solicitation: Solicitation) => boolean): void {
    for (const [key, { solicitation, timer }] of this.#pending) {
      if (!which(solicitation)) continue;
      timer?.cancel();
      this.#pending.delete(key);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.forget(() => true);
  }

  async #attempt(
    key: string,
    pending: { solicitation: Solicitation; timer: Timer | undefined },
    account: string | undefined,
    retry: () => void,
  ): Promise<void> {
    const { runtime, logger, dialled, retries } = this.#world;
    const { solicitation } = pending;
    const { host, port } = solicitation.url;
    logger().debug(`Trying to connect to route on ${hostPort(host, port)}`);
    try {
      const transport = await runtime.network.dial({ host, port, timeoutMs: ROUTE_DIAL_MS });
      if (this.#pending.get(key) !== pending) {
        transport.destroy();
        return;
      }
      this.#pending.delete(key);
      dialled(transport, solicitation, account);
    } catch (error) {
      if (this.#pending.get(key) !== pending) return;
      solicitation.failures++;
      const { failures, explicit } = solicitation;
      const text = `Error trying to connect to route (attempt ${failures}): ${(error as Error).message}`;
      if (failures === 1) logger().error(text);
      else logger().debug(text);
      if (explicit || failures <= retries()) pending.timer = runtime.clock.after(this.#pauseMs(solicitation), retry);
      else this.#pending.delete(key);
    }
  }

  #pauseMs({ failures }: Solicitation): number {
    if (!this.#world.backsOff()) return ROUTE_RETRY_MS;
    return Math.min(ROUTE_RETRY_MS * 2 ** Math.min(Math.max(failures - 1, 0), 16), ROUTE_BACKOFF_LIMIT_MS);
  }
}
