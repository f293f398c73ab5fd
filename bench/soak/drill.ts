// What every drill gets and gives: a server to load, how long to go on, and a failure that says what was wrong.
import { type CuttingProxy, cuttingProxy } from "../../src/testing/cutting-proxy.js";
import { connectClient, type RawClient } from "../../test/support/raw-client.js";
import {
  type ServerProcess,
  type ServerProcessOptions,
  startServerProcess,
} from "../../test/support/server-process.js";
import { ManualScope, temporaryFolder } from "../../test/support/temporary-folder.js";

export interface DrillSettings {
  /** A few seconds instead of minutes. */
  short: boolean;
  program: ServerProcessOptions["program"];
  /** For drills in simulated time: the first seed, how many, and a planted bug that is to be found. */
  seed?: number | undefined;
  seeds?: number | undefined;
  bug?: string | undefined;
}

export interface Drill {
  name: string;
  run(context: DrillContext): Promise<void>;
}

/** A server of its own per drill, gone when the drill is over. */
export class DrillContext {
  readonly settings: DrillSettings;
  readonly #scope = new ManualScope();

  constructor(settings: DrillSettings) {
    this.settings = settings;
  }

  /** `more.ready` is the text that is waited for; default: that it serves. */
  async startServer(
    config = "",
    program = this.settings.program,
    more: Pick<ServerProcessOptions, "ready" | "readyTimeoutMs" | "under"> = {},
  ): Promise<ServerProcess> {
    return startServerProcess(this.#scope, { program, config, ...more });
  }

  /** A folder that is removed with the drill. */
  folder(): string {
    return temporaryFolder(this.#scope);
  }

  async connect(server: ServerProcess, options: object = {}): Promise<RawClient> {
    return this.connectTo(server.port, options);
  }

  /** Connects to a port of 127.0.0.1. */
  async connectTo(port: number, options: object = {}): Promise<RawClient> {
    return connectClient(this.#scope, port, options);
  }

  /** A proxy in front of a port of 127.0.0.1. */
  async proxy(port: number): Promise<CuttingProxy> {
    const proxy = await cuttingProxy(port);
    this.#scope.after(() => proxy.close());
    return proxy;
  }

  report(text: string): void {
    console.log(`  ${text}`);
  }

  async close(): Promise<void> {
    await this.#scope.close();
  }
}

/** Throws an Error with `message` unless `condition` holds. */
export function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Throws when the server has ended or has logged an error or an exception, other than `expected` lines. */
export function mustBeHealthy(server: ServerProcess, expected?: RegExp): void {
  must(server.ended === undefined, `the server ended: ${JSON.stringify(server.ended)}\n${server.log}`);
  const log = expected === undefined ? server.log : server.log.replace(expected, "");
  const trouble = /^.*(?:\[ERR\]|\[FTL\]|Error:).*(?:\n\s+at .*)*/m.exec(log);
  must(trouble === null, `the server logged: ${trouble?.[0]}`);
}

/** Throws when resident memory has grown by more than a fifth and 32 MB since it was `beforeBytes`. */
export function mustBeFlat(beforeBytes: number, afterBytes: number): void {
  must(
    afterBytes < beforeBytes * 1.2 + 32 * 2 ** 20,
    `memory grew from ${megabytes(beforeBytes)} to ${megabytes(afterBytes)}`,
  );
}

export const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;
