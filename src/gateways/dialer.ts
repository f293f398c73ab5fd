// Dials other clusters, one of their servers at random, again and again where they are configured
// (conformance/topology, WIRE.md "Reconnect delays").
import { quoted } from "../protocol/error-texts.js";
import type { Timer } from "../runtime/clock.js";
import type { Logger } from "../runtime/logger.js";
import type { Transport } from "../runtime/network.js";
import type { Runtime } from "../runtime/runtime.js";
import { hostPort } from "../server/host-port.js";
import type { PeerUrl } from "../server/peers/peer-url.js";
import { GATEWAY_BACKOFF_LIMIT_MS, GATEWAY_DIAL_MS, GATEWAY_RETRY_JITTER_MS, GATEWAY_RETRY_MS } from "./limits.js";
import type { RemoteCluster } from "./remote-cluster.js";

export interface DialerWorld {
  readonly runtime: Runtime;
  readonly logger: () => Logger;
  /** Whether the pauses grow. */
  readonly backsOff: () => boolean;
  /** Where it is reached at the moment. */
  readonly urlsOf: (remote: RemoteCluster) => PeerUrl[];
  /** Whether to go on after so many failures. */
  readonly persists: (remote: RemoteCluster) => boolean;
  dialled(transport: Transport, remote: RemoteCluster, url: PeerUrl): void;
  /** No further attempt is made. */
  gaveUp(remote: RemoteCluster): void;
}

export class GatewayDialer {
  readonly #world: DialerWorld;
  // What is being dialled, or waits for its next attempt.
  readonly #pending = new Map<RemoteCluster, { timer: Timer | undefined }>();
  #stopped = false;

  constructor(world: DialerWorld) {
    this.#world = world;
  }

  /** Dials after `delayMs`, unless that is being done already. */
  start(remote: RemoteCluster, delayMs = 0): void {
    if (this.#stopped || this.#pending.has(remote)) return;
    const pending = { timer: undefined as Timer | undefined };
    this.#pending.set(remote, pending);
    pending.timer = this.#world.runtime.clock.after(delayMs, () => void this.#attempt(remote, pending));
  }

  /** After a connection was lost, or was refused. */
  again(remote: RemoteCluster): void {
    if (!this.#world.persists(remote)) {
      this.#world.gaveUp(remote);
      return;
    }
    const jitterMs = GATEWAY_RETRY_JITTER_MS * this.#world.runtime.random.float();
    const isLearnedAndLost = !remote.isConfigured && remote.failures === 0;
    this.start(remote, (isLearnedAndLost ? 0 : this.#pauseMs(remote)) + jitterMs);
  }

  forget(remote: RemoteCluster): void {
    this.#pending.get(remote)?.timer?.cancel();
    this.#pending.delete(remote);
  }

  stop(): void {
    this.#stopped = true;
    for (const remote of [...this.#pending.keys()]) this.forget(remote);
  }

  async #attempt(remote: RemoteCluster, pending: { timer: Timer | undefined }): Promise<void> {
    const { runtime, urlsOf, dialled } = this.#world;
    pending.timer = undefined;
    for (const url of this.#shuffled(urlsOf(remote))) {
      const transport = await this.#dial(remote, url);
      if (this.#pending.get(remote) !== pending) {
        transport?.destroy();
        return;
      }
      if (transport === undefined) continue;
      this.#pending.delete(remote);
      dialled(transport, remote, url);
      return;
    }
    remote.failures++;
    if (this.#world.persists(remote)) {
      pending.timer = runtime.clock.after(this.#pauseMs(remote), () => void this.#attempt(remote, pending));
      return;
    }
    this.#pending.delete(remote);
    this.#world.gaveUp(remote);
  }

  async #dial(remote: RemoteCluster, { host, port }: PeerUrl): Promise<Transport | undefined> {
    const { runtime, logger } = this.#world;
    const attempt = remote.failures + 1;
    const kind = remote.isConfigured ? "explicit" : "implicit";
    const where = hostPort(host, port);
    const what = `${kind} gateway ${quoted(remote.name)} (${where}) at ${where} (attempt ${attempt})`;
    if (attempt === 1) logger().info(`Connecting to ${what}`);
    else logger().debug(`Connecting to ${what}`);
    try {
      return await runtime.network.dial({ host, port, timeoutMs: GATEWAY_DIAL_MS });
    } catch (error) {
      const text = `Error connecting to ${what}: ${(error as Error).message}`;
      if (attempt === 1) logger().error(text);
      else logger().debug(text);
      return undefined;
    }
  }

  // Servers share the load of a cluster.
  #shuffled(urls: PeerUrl[]): PeerUrl[] {
    const { random } = this.#world.runtime;
    for (let i = urls.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [urls[i], urls[j]] = [urls[j], urls[i]];
    }
    return urls;
  }

  #pauseMs({ failures }: RemoteCluster): number {
    if (!this.#world.backsOff()) return GATEWAY_RETRY_MS;
    return Math.min(GATEWAY_RETRY_MS * 2 ** Math.min(Math.max(failures - 1, 0), 16), GATEWAY_BACKOFF_LIMIT_MS);
  }
}
