// What an application hears of its server: typed events with plain data. A listener that throws harms nobody else.

/** A client as events describe it; a copy, made when the event happened. */
export interface ClientFacts {
  /** Counts from 1 over the server's life. */
  readonly id: number;
  /** As the client calls itself; "" for none. */
  readonly name: string;
  /** The client library and its version. */
  readonly lang: string;
  readonly version: string;
  /** The name it logged in under; "" for none. */
  readonly user: string;
  readonly account: string;
  /** Where it comes from; "" and 0 for connections without a socket. */
  readonly host: string;
  readonly port: number;
  readonly inProcess: boolean;
}

export interface ReadyEvent {
  readonly clientUrl: string;
  readonly host: string;
  readonly port: number;
}

export interface DisconnectEvent extends ClientFacts {
  /** Why, in nats-server's words: "Client Closed", "Slow Consumer (Pending Bytes)", "Server Shutdown", ... */
  readonly reason: string;
  /** Messages and bytes it has published (in) and was sent (out). */
  readonly inMsgs: number;
  readonly inBytes: number;
  readonly outMsgs: number;
  readonly outBytes: number;
}

export interface LameDuckEvent {
  /** Clients that are asked to go elsewhere. */
  readonly clients: number;
}

export interface ClosedEvent {
  readonly uptimeMs: number;
}

export interface NatsServerEvents {
  /** It listens. `startServer` resolves right after; a listener that is added later is called too, once. */
  ready: ReadyEvent;
  /** A client has logged in. */
  connect: ClientFacts;
  /** A client that had logged in is gone. */
  disconnect: DisconnectEvent;
  /** Something went wrong that belongs to no call: a listener, the logger or `authenticate` threw. Without a listener nothing happens. */
  error: Error;
  lameDuck: LameDuckEvent;
  /** The last event: nothing listens and no client is left. */
  closed: ClosedEvent;
}

export type EventName = keyof NatsServerEvents;
export type EventListener<K extends EventName> = (event: NatsServerEvents[K]) => unknown;

interface Entry {
  readonly listener: (event: never) => unknown;
  readonly once: boolean;
}

export class EventDispatcher {
  readonly #entries = new Map<EventName, Entry[]>();
  #ready: ReadyEvent | undefined;

  /** The same listener can be added once per event. */
  add<K extends EventName>(name: K, listener: EventListener<K>, once: boolean): void {
    const entries = this.#entries.get(name) ?? [];
    if (entries.some((entry) => entry.listener === listener)) return;
    this.#entries.set(name, [...entries, { listener, once }]);
    const ready = this.#ready;
    if (name !== "ready" || ready === undefined) return;
    queueMicrotask(() => {
      const added = this.#entries.get("ready")?.find((entry) => entry.listener === listener);
      if (added !== undefined) this.#call("ready", added, ready);
    });
  }

  remove<K extends EventName>(name: K, listener: EventListener<K>): void {
    const left = this.#entries.get(name)?.filter((entry) => entry.listener !== listener) ?? [];
    this.#entries.set(name, left);
  }

  emit<K extends EventName>(name: K, event: NatsServerEvents[K]): void {
    if (name === "ready") this.#ready = event as ReadyEvent;
    for (const entry of this.#entries.get(name) ?? []) this.#call(name, entry, event);
  }

  #call<K extends EventName>(name: K, entry: Entry, event: NatsServerEvents[K]): void {
    const listener = entry.listener as EventListener<K>;
    if (entry.once) this.remove(name, listener);
    const failed = (error: unknown): void => {
      if (name !== "error") this.emit("error", error instanceof Error ? error : new Error(String(error)));
    };
    try {
      const result = listener(event);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
