// Guessing at passwords is made slow: who fails again and again, from one address, learns of it later each time. Logins that
// are right never wait.
import { parseIpAddress } from "../../protocol/ip-address.js";
import type { Clock, Timer } from "../../runtime/clock.js";
import { FAILED_LOGINS } from "../limits.js";

const { free, delaysMs, forgetMs, addresses, waiting } = FAILED_LOGINS;
const IPV6_NETWORK_BYTES = 8;

interface Failures {
  /** Grows with each one and falls with time. */
  readonly count: number;
  readonly at: number;
}

export class FailedLogins {
  private readonly clock: Clock;
  // The address that has failed last stands last.
  private readonly byAddress = new Map<string, Failures>();
  private waiting = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * Counts a failed login from an address and calls `refuse`: at once for the first ones and while too many wait, else later.
   * Returns what waits then.
   */
  refuse(address: string, refuse: () => void): Timer | undefined {
    const delayMs = this.count(address);
    if (delayMs === 0 || this.waiting >= waiting) {
      refuse();
      return undefined;
    }
    let waits = true;
    const end = (): void => {
      if (waits) this.waiting--;
      waits = false;
      timer.cancel();
    };
    this.waiting++;
    const timer = this.clock.after(delayMs, () => {
      end();
      refuse();
    });
    return { cancel: end };
  }

  private count(address: string): number {
    const network = networkOf(address);
    const now = this.clock.monotonicMs();
    const before = this.byAddress.get(network) ?? { count: 0, at: now };
    const left = Math.max(0, before.count - (now - before.at) / forgetMs);
    const count = Math.min(left + 1, free + delaysMs.length);
    this.byAddress.delete(network);
    this.byAddress.set(network, { count, at: now });
    if (this.byAddress.size > addresses) {
      const [oldest] = this.byAddress.keys();
      this.byAddress.delete(oldest);
    }
    return delaysMs[Math.ceil(count) - free - 1] ?? 0;
  }
}

// Whoever has an IPv6 address has all those of its network.
function networkOf(address: string): string {
  const bytes = address.includes(":") ? parseIpAddress(address.replace(/%.*$/, "")) : undefined;
  return bytes === undefined ? address : bytes.slice(0, IPV6_NETWORK_BYTES).join(".");
}
