// A running server as an application sees it. Everything live stays inside; what comes out is plain data.
import type { Duplex } from "node:stream";
import type { NatsConnection } from "@nats-io/nats-core";
import { diffOptions, type OptionChange } from "../options/diff.js";
import { OptionsError } from "../options/errors.js";
import type { ServerOptions } from "../options/options.js";
import { transportOf } from "../runtime/duplex.js";
import { transportPair } from "../runtime/pipe.js";
import type { Runtime } from "../runtime/runtime.js";
import type { ClientConnection } from "../server/clients/client.js";
import { hostPort } from "../server/host-port.js";
import type { Server } from "../server/server.js";
import type { ServerStatus } from "../server/status.js";
import type { ClientFacts, DisconnectEvent, EventDispatcher, EventListener, EventName } from "./events.js";
import { connectInProcess, type InProcessOptions } from "./in-process.js";
import type { LibraryLogger } from "./logger.js";
import {
  checkedAuthenticate,
  type LibrarySettings,
  type ReloadOptions,
  readSettings,
  type SettingsSource,
} from "./settings.js";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface CloseOptions {
  /**
   * True: clients are told to go elsewhere and are closed one by one over `lameDuckDurationMs`, beginning after
   * `lameDuckGracePeriodMs`. Default: they are closed at once.
   */
  lameDuck?: boolean;
}

/** What a server is made of; `startServer` puts it together. */
export interface NatsServerParts {
  readonly core: Server;
  readonly runtime: Runtime;
  readonly events: EventDispatcher;
  readonly logger: LibraryLogger | undefined;
  /** What `startServer` was given, for a reload without options. */
  readonly source: SettingsSource;
  readonly settings: LibrarySettings;
}

/** A running server; `startServer` makes them. */
export class NatsServer implements AsyncDisposable {
  readonly #core: Server;
  readonly #runtime: Runtime;
  readonly #events: EventDispatcher;
  readonly #logger: LibraryLogger | undefined;
  #source: SettingsSource;
  #settings: LibrarySettings;
  #address: Address = { host: "", port: 0 };
  #addresses: Readonly<Record<string, Address>> = {};
  #reloading: Promise<unknown> = Promise.resolve();
  readonly #announced = new Set<number>();

  /** Not for applications. */
  constructor({ core, runtime, events, logger, source, settings }: NatsServerParts) {
    this.#core = core;
    this.#runtime = runtime;
    this.#events = events;
    this.#logger = logger;
    this.#source = source;
    this.#settings = settings;
    core.events.on("ready", () => this.#onReady());
    core.events.on("connect", (client) => this.#onConnect(client));
    core.events.on("disconnect", (client) => this.#onDisconnect(client));
    core.events.on("error", (error) => events.emit("error", error));
    core.events.on("lameDuck", () => events.emit("lameDuck", { clients: core.clients.size }));
    core.events.on("closed", () => events.emit("closed", { uptimeMs: runtime.clock.nowMs() - core.totals.startedMs }));
  }

  /** Its public key, new for every start: `N` and 55 more characters. */
  get id(): string {
    return this.#core.id;
  }

  /** `serverName`, or else the id. */
  get name(): string {
    return this.#core.name;
  }

  /** Where clients on this machine reach it, such as `nats://127.0.0.1:4222`. Carries no credentials. */
  get clientUrl(): string {
    const { host, port } = this.#address;
    return `nats://${hostPort(reachable(host), port)}`;
  }

  /** Where it listens for clients; stays the same after its end. */
  get address(): Address {
    return this.#address;
  }

  /** All listening addresses by kind: `client`, `monitoring`, ... */
  get addresses(): Readonly<Record<string, Address>> {
    return this.#addresses;
  }

  /**
   * The options in effect as they were given, with those of a configuration file, without defaults. Frozen; what `reload`
   * takes is best made of it: `server.reload({ ...server.options, debug: true })`.
   */
  get options(): Readonly<ServerOptions> {
    return this.#settings.given;
  }

  /** `sha256:...` of the configuration's meaning, as nats-server prints it; "" without a configuration. */
  get configDigest(): string {
    return this.#settings.digest;
  }

  /** Calls `listener` for every event of that name, in the order of adding. */
  on<K extends EventName>(name: K, listener: EventListener<K>): this {
    this.#events.add(name, listener, false);
    return this;
  }

  /** Calls `listener` for the next event of that name only. */
  once<K extends EventName>(name: K, listener: EventListener<K>): this {
    this.#events.add(name, listener, true);
    return this;
  }

  off<K extends EventName>(name: K, listener: EventListener<K>): this {
    this.#events.remove(name, listener);
    return this;
  }

  /** Numbers about the server at this moment. */
  status(): Promise<ServerStatus> {
    return this.#core.collect();
  }

  /**
   * A connection of the official client (`@nats-io/nats-core`, an optional peer dependency) without a socket. It logs in
   * with what the options say, like any other client, but without TLS, and closes with the server.
   * @throws {NatsCoreError} NATS_CORE when that package is not installed
   * @throws the client's own errors: refused login, too many connections, ...
   */
  connect(options: InProcessOptions = {}): Promise<NatsConnection> {
    const core = this.#core;
    return connectInProcess(
      {
        get accepting() {
          return core.state === "running";
        },
        open: () => {
          const [ours, theirs] = transportPair(this.#runtime.clock);
          core.handle(ours);
          return theirs;
        },
      },
      options,
    );
  }

  /**
   * Serves a client on any stream: a socket, a TLS or SSH channel, one half of a pair. The option `tls` is about the server's
   * own listener: a stream is taken as it is, and whoever hands it over has secured it. A closed server destroys it.
   */
  handle(stream: Duplex): void {
    this.#core.handle(transportOf(stream));
  }

  /**
   * Takes new options, all or nothing, while clients stay connected. `options` is the complete new set, as `startServer`
   * takes it; without it, the configuration file is read again, under the options of the start. Without `authenticate`, the
   * function before stays in use.
   * @returns what has changed, secrets redacted
   * @throws {OptionsError} also when a changed option needs a restart; nothing has changed then
   * @throws {ConfigFileError | ConfigSyntaxError | ConfigError} as `startServer` does
   */
  reload(options?: ReloadOptions): Promise<OptionChange[]> {
    const run = this.#reloading.then(() => this.#reload(options));
    this.#reloading = run.catch(() => {});
    return run;
  }

  /** Ends the server and resolves when nothing listens and no client is left. Can be called again. */
  close(options: CloseOptions = {}): Promise<void> {
    return options.lameDuck === true ? this.#core.lameDuck() : this.#core.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #reload(options: ReloadOptions | undefined): Promise<OptionChange[]> {
    const { authenticate, ...source } = options ?? (this.#source as ReloadOptions);
    if (options === undefined && source.config === undefined) {
      throw new OptionsError("OPTIONS_VALUE", "config", "there is no configuration file to read again");
    }
    const next = readSettings(source, this.#runtime);
    const changes = diffOptions(this.#settings.resolved, next.resolved);
    await this.#core.reload(next.resolved, checkedAuthenticate(authenticate));
    this.#source = source;
    this.#settings = next;
    this.#logger?.setLevels(next.resolved);
    for (const notice of next.notices) this.#logger?.warn(notice);
    for (const { line } of changes) this.#logger?.info(`Reloaded: ${line}`);
    return changes;
  }

  #onReady(): void {
    const { address, addresses } = this.#core;
    this.#address = Object.freeze({ ...(address as Address) });
    this.#addresses = Object.freeze(
      Object.fromEntries(
        Object.entries(addresses).map(([kind, { host, port }]) => [kind, Object.freeze({ host, port })]),
      ),
    );
    this.#events.emit("ready", { clientUrl: this.clientUrl, ...this.#address });
  }

  // A client may log in more than once, or leave before it ever did.
  #onConnect(client: ClientConnection): void {
    if (this.#announced.has(client.id)) return;
    this.#announced.add(client.id);
    this.#events.emit("connect", factsOf(client));
  }

  #onDisconnect(client: ClientConnection): void {
    if (!this.#announced.delete(client.id)) return;
    const { inMsgs, inBytes, outMsgs, outBytes } = client;
    const event: DisconnectEvent = {
      ...factsOf(client),
      reason: client.closeReason ?? "",
      inMsgs,
      inBytes,
      outMsgs,
      outBytes,
    };
    this.#events.emit("disconnect", event);
  }
}

function factsOf(client: ClientConnection): ClientFacts {
  const { name, lang, version } = client.connect;
  const { remoteAddress, remotePort, transport } = client;
  return {
    id: client.id,
    name,
    lang,
    version,
    user: client.userName,
    account: client.account?.name ?? "",
    host: remoteAddress,
    port: remotePort,
    inProcess: transport.inProcess,
  };
}

/** An address that a client can dial, for one that means all interfaces. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}
