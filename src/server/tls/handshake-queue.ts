// The order in which TLS handshakes begin: a few in each turn of the loop, so that a burst of them holds nobody else up.
// A handshake takes its place when its first bytes are there; one that dawdles later holds no place.
import type { Clock } from "../../runtime/clock.js";
import { HANDSHAKES_PER_TURN } from "../limits.js";

export class HandshakeQueue {
  private readonly clock: Pick<Clock, "endOfTurn">;
  private begun = 0;
  private ticking = false;
  private readonly waiting: (() => void)[] = [];

  constructor(clock: Pick<Clock, "endOfTurn">) {
    this.clock = clock;
  }

  /** Handshakes that wait for their turn. */
  get length(): number {
    return this.waiting.length;
  }

  /** Resolves when a handshake may begin, in the order of the calls. */
  turn(): Promise<void> {
    this.tick();
    if (this.begun < HANDSHAKES_PER_TURN) {
      this.begun++;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private tick(): void {
    if (this.ticking) return;
    this.ticking = true;
    this.clock.endOfTurn(() => {
      this.ticking = false;
      this.begun = Math.min(HANDSHAKES_PER_TURN, this.waiting.length);
      for (const begin of this.waiting.splice(0, this.begun)) begin();
      if (this.begun > 0) this.tick();
    });
  }
}
