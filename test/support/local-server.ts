// A server inside the test's own process on a real socket of 127.0.0.1, with its log lines at hand.
import { createServer } from "../../src/natsnode.js";
import { resolveOptions, type ServerOptions } from "../../src/options/options.js";
import type { Logger } from "../../src/runtime/logger.js";
import { nodeRuntime } from "../../src/runtime/node/index.js";
import type { Server } from "../../src/server/server.js";
import type { Scope } from "./temporary-folder.js";

/** Keeps every line, with its level in front. */
export class LinesLogger implements Logger {
  readonly debugOn: boolean = true;
  readonly traceOn: boolean;
  readonly lines: string[] = [];

  constructor(traceOn = false) {
    this.traceOn = traceOn;
  }

  info(message: string): void {
    this.lines.push(`info ${message}`);
  }
  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
  fatal(message: string): void {
    this.lines.push(`fatal ${message}`);
  }
  debug(message: string): void {
    this.lines.push(`debug ${message}`);
  }
  trace(message: string): void {
    this.lines.push(`trace ${message}`);
  }

  /** The lines that match. */
  matching(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line));
  }
}

export interface LocalServer {
  readonly server: Server;
  readonly port: number;
  readonly log: LinesLogger;
  /** Reloads with these options instead of the present ones, on the same address. */
  reload(options: ServerOptions): Promise<void>;
}

/** Starts a server with these options; closed when `scope` ends. */
export async function startLocalServer(scope: Scope, options: ServerOptions = {}): Promise<LocalServer> {
  const log = new LinesLogger(options.trace === true);
  const address = { host: "127.0.0.1", port: -1 };
  const server = createServer(resolveOptions({ ...options, ...address }), { runtime: nodeRuntime(), logger: log });
  scope.after(() => server.close());
  await server.start();
  return {
    server,
    port: server.address?.port as number,
    log,
    reload: (next) => server.reload(resolveOptions({ ...next, ...address })),
  };
}
