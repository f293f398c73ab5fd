// The URLs that clients may connect to in this cluster: those of this server and those that the others tell of
// (conformance/topology, WIRE.md 2.5).
import { hostPort } from "../host-port.js";

interface Urls {
  readonly clients: readonly string[];
  readonly webSockets: readonly string[];
}

export class ClientUrls {
  // By server id.
  readonly #others = new Map<string, Urls>();
  readonly #changed: () => void;
  /** Whether there were other servers at any time: only then are clients told of any URLs. */
  hadOthers = false;

  /** @param changed is called after the URLs of other servers have changed */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Takes what a server has told; both lists empty: it is gone, or wants no more clients. */
  set(server: string, clients: readonly string[], webSockets: readonly string[]): void {
    const before = this.#others.get(server);
    if (clients.length + webSockets.length === 0) {
      if (!this.#others.delete(server)) return;
    } else {
      if (before !== undefined && same(before.clients, clients) && same(before.webSockets, webSockets)) return;
      this.#others.set(server, { clients, webSockets });
      this.hadOthers = true;
    }
    this.#changed();
  }

  /** Of the other servers, each once. */
  get clients(): string[] {
    return [...new Set([...this.#others.values()].flatMap(({ clients }) => clients))];
  }

  get webSockets(): string[] {
    return [...new Set([...this.#others.values()].flatMap(({ webSockets }) => webSockets))];
  }
}

/** Where a listener is reached from elsewhere: on all addresses of the machine if it listens on all. */
export function reachableAt({ host, port }: { host: string; port: number }, interfaces: () => string[]): string[] {
  if (host !== "0.0.0.0" && host !== "::") return [hostPort(host, port)];
  const addresses = interfaces();
  return (addresses.length > 0 ? addresses : ["127.0.0.1"]).map((address) => hostPort(address, port));
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((url, at) => url === b[at]);
}
