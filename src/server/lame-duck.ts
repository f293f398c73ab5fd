// Lame duck mode: no new clients, the present ones are told, and closed one by one over the configured time.
import type { Timer } from "../runtime/clock.js";
import type { ClientConnection } from "./clients/client.js";
import { CloseReason } from "./close-reason.js";
import type { Server } from "./server.js";

const LONGEST_GAP_MS = 1000;
const SHORTEST_GAP_MS = 1;

export class LameDuck {
  /** Resolves when the server has closed. */
  readonly done: Promise<void>;
  private readonly server: Server;
  private timer: Timer | undefined;
  private queue: ClientConnection[] = [];
  private gapMs = 0;
  private perGap = 1;

  constructor(server: Server) {
    this.server = server;
    server.logger.info("Entering lame duck mode, stop accepting new clients");
    this.done = this.begin();
  }

  /** A client has left by itself; when it was the last one, nothing is left to wait for. */
  clientLeft(): void {
    if (this.server.clients.size === 0) void this.server.close();
  }

  /** The server has closed, maybe for another reason. */
  ended(): void {
    this.timer?.cancel();
    this.finish();
  }

  private finish: () => void = () => {};

  private async begin(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.finish = resolve;
    });
    const { server } = this;
    await server.stopAccepting();
    if (server.clients.size === 0) {
      await server.close();
      return;
    }
    for (const client of server.clients.values()) client.info.tell();
    this.timer = server.runtime.clock.after(server.options.lameDuckGracePeriodMs, () => this.startClosing());
    await ended;
  }

  private startClosing(): void {
    const { server } = this;
    server.logger.info("Closing existing clients");
    this.queue = [...server.clients.values()].reverse();
    const { lameDuckDurationMs, lameDuckGracePeriodMs } = server.options;
    const rest = Math.max(lameDuckDurationMs - lameDuckGracePeriodMs, LONGEST_GAP_MS);
    const count = Math.max(this.queue.length, 1);
    this.gapMs = Math.min(Math.max(rest / count, SHORTEST_GAP_MS), LONGEST_GAP_MS);
    this.perGap = Math.max(1, Math.ceil((count * SHORTEST_GAP_MS) / rest));
    this.closeSome();
  }

  private closeSome(): void {
    for (let i = 0; i < this.perGap; i++) this.queue.pop()?.close(CloseReason.serverShutdown);
    if (this.queue.length === 0) {
      void this.server.close();
      return;
    }
    const { clock, random } = this.server.runtime;
    this.timer = clock.after(this.gapMs * (0.5 + random.float() / 2), () => this.closeSome());
  }
}
