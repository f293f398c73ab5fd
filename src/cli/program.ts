// The life of a server process: banner, pid file, start, ports file, signals, reloads, end.

import type { ConfigSource } from "../monitoring/config-source.js";
import { diffOptions } from "../options/diff.js";
import type { ResolvedOptions } from "../options/options.js";
import type { Logger } from "../runtime/logger.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Server } from "../server/server.js";
import { writeBanner } from "./banner.js";
import type { Host } from "./host.js";
import type { LabParts } from "./lab/lab.js";
import type { ProgramLog } from "./log.js";
import { logLevels, logMoves, openLog } from "./open-log.js";
import { PortsFile, portsFilePath, portsFileText } from "./ports-file.js";
import { checkSettings, type Settings } from "./settings.js";
import { handleSignals } from "./signals.js";
import { startFailure } from "./start-failure.js";
import { inWords } from "./system-errors.js";

/** A program that takes more before it starts its server gives back what it can. */
const TRIM_FROM_BYTES = 128 * 1024 * 1024;

/** What the program needs of a server. */
export type ProgramServer = Pick<Server, "id" | "name" | "addresses" | "start" | "close" | "lameDuck" | "reload"> & {
  readonly events: { on(name: "lameDuck" | "closed", handler: () => void): unknown };
};

export type CreateServer = (
  options: ResolvedOptions,
  parts: { runtime: Runtime; logger: Logger; config: ConfigSource },
) => ProgramServer;

export interface ProgramParts {
  readonly runtime: Runtime;
  /** Only who runs a server loads it. */
  loadServer(): Promise<CreateServer>;
  /** What makes the servers of `natsnode lab`, and the one that tries what is declared. */
  loadLabServer?(): Promise<LabParts["createServer"]>;
}

export class Program {
  readonly #host: Host;
  readonly #runtime: Runtime;
  readonly #log: ProgramLog;
  readonly #server: ProgramServer;
  readonly #portsFile: PortsFile;
  readonly #read: () => Settings;
  #settings: Settings;
  #started = false;
  #lameDuck = false;
  #ending = false;
  #reloading: Promise<void> = Promise.resolve();

  /**
   * @param read reads the configuration file again, for a reload; throws what is wrong with it
   * @throws OptionsError when the options do not make a server
   */
  constructor(
    host: Host,
    { runtime, createServer }: { readonly runtime: Runtime; readonly createServer: CreateServer },
    log: ProgramLog,
    settings: Settings,
    read: () => Settings,
  ) {
    this.#host = host;
    this.#runtime = runtime;
    this.#log = log;
    this.#settings = settings;
    this.#read = read;
    const digest = (): string => this.#settings.digest ?? "";
    const config: ConfigSource = {
      get digest() {
        return digest();
      },
      reload: () => this.#reloadInTurn(),
    };
    this.#server = createServer(settings.options, { runtime, logger: log, config });
    this.#portsFile = new PortsFile(runtime.disk, log);
  }

  /** Runs the server to its end. Resolves with the exit code of the process, everything logged. */
  async run(): Promise<number> {
    const server = this.#server;
    const closed = new Promise<void>((resolve) => void server.events.on("closed", resolve));
    server.events.on("lameDuck", () => {
      this.#lameDuck = true;
    });
    writeBanner(this.#log, this.#settings, server, this.#runtime.process.engine);
    handleSignals(this.#host, this.#log, {
      shutDown: () => this.#shutDown(),
      lameDuck: () => void this.#becomeLameDuck(),
      isLameDuck: () => this.#lameDuck,
      reload: () => this.#reloadNext(),
      reopenLog: () => this.#reopenLog(),
    });
    const { pidfile } = this.#settings.options;
    // A large configuration leaves several times its size behind.
    if (this.#runtime.process.memoryBytes() > TRIM_FROM_BYTES) this.#runtime.process.trimMemory();
    try {
      if (pidfile) this.#writePidFile(pidfile);
      await server.start();
    } catch (error) {
      if (!this.#ending) return this.#fail(startFailure(error, this.#settings.options));
    }
    this.#started = true;
    if (!this.#ending) this.#writePortsFile();
    await closed;
    this.#portsFile.remove();
    this.#log.info("Server Exiting..");
    await this.#log.close();
    return 0;
  }

  async #fail(message: string): Promise<number> {
    this.#log.fatal(message);
    await this.#log.close();
    return 1;
  }

  #shutDown(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#log.info("Initiating Shutdown...");
    this.#server.close().catch((error) => this.#log.error(`Error while closing: ${inWords(error)}`));
  }

  async #becomeLameDuck(): Promise<void> {
    if (this.#ending || this.#lameDuck || !this.#started) return;
    this.#lameDuck = true;
    await this.#server.lameDuck();
    if (!this.#ending) this.#log.info("Initiating Shutdown...");
    this.#ending = true;
  }

  #reopenLog(): void {
    try {
      const reopened = this.#log.reopen();
      this.#log.info(reopened ? "File log re-opened" : "File log re-open ignored, not a file logger");
    } catch (error) {
      this.#log.error(`Could not re-open the log file, the old one stays in use: ${inWords(error)}`);
    }
  }

  #reloadNext(): void {
    this.#reloadInTurn().catch((error: Error) => {
      this.#log.error(`Failed to reload server configuration: ${error.message}`);
    });
  }

  #reloadInTurn(): Promise<void> {
    const reload = this.#reloading.then(() => (this.#ending ? undefined : this.#reload()));
    this.#reloading = reload.catch(() => {});
    return reload;
  }

  async #reload(): Promise<void> {
    const old = this.#settings;
    const next = this.#read();
    checkSettings(next);
    const changes = diffOptions(old.options, next.options);
    const moves = logMoves(old.options, next.options);
    const sink = moves ? await openLog(next.options, this.#runtime, this.#host) : undefined;
    try {
      await this.#server.reload(next.options);
    } catch (error) {
      await sink?.close();
      throw error;
    }
    this.#settings = next;
    await this.#log.change(logLevels(next.options), sink);
    for (const warning of [...next.warnings, ...next.withoutEffect]) this.#log.warn(warning);
    for (const { line } of changes) this.#log.info(`Reloaded: ${line}`);
    const { pidfile } = next.options;
    if (pidfile && pidfile !== old.options.pidfile) {
      try {
        this.#writePidFile(pidfile);
      } catch (error) {
        this.#log.error((error as Error).message);
      }
    }
    if (next.options.portsFileDir !== old.options.portsFileDir) this.#writePortsFile();
    this.#log.info(`Reloaded server configuration (${next.digest})`);
  }

  #writePidFile(path: string): void {
    try {
      this.#runtime.disk.writeSync(path, String(this.#runtime.process.pid));
    } catch (error) {
      throw new PidFileError(`Could not write pidfile: open ${path}: ${inWords(error)}`);
    }
  }

  #writePortsFile(): void {
    const { portsFileDir, tls, httpsPort, cluster, websocket } = this.#settings.options;
    const encryption = {
      client: tls !== undefined,
      monitoring: httpsPort !== 0,
      cluster: cluster?.tls !== undefined,
      websocket: websocket?.tls !== undefined,
    };
    const interfaces = this.#runtime.network.interfaceAddresses({ loopback: true });
    const text = portsFileText(this.#server.addresses, encryption, interfaces);
    this.#portsFile.put(
      portsFileDir ? portsFilePath(portsFileDir, this.#host.programName, this.#runtime.process.pid) : undefined,
      text,
    );
  }
}

/** The pid file cannot be written. */
export class PidFileError extends Error {
  override readonly name = "PidFileError";
  readonly code = "NATS_PID_FILE";
}
