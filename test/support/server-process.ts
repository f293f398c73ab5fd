// Real server processes for scenario tests: natsnode's program or the neighbour, started with a configuration text in a
// folder of its own, up when it says so, gone when the test ends.
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free-port.js";
import { neighbourCommand, oldNeighbourPath } from "./neighbour.js";
import { projectRoot } from "./project.js";
import { type Scope, temporaryFolder } from "./temporary-folder.js";

export type ServerProgram = "natsnode" | "neighbour" | "old neighbour";

export interface ServerProcessOptions {
  /** Which server: the project's program (default), the neighbour, or one of version 2.9. */
  program?: ServerProgram | undefined;
  /**
   * Text of the configuration file; {{PORT}} and {{DIR}} stand for the client port and the folder. A file that names no
   * {{PORT}} gets `listen: 127.0.0.1:{{PORT}}` in front. Without a text the server runs without a file, with
   * `-a 127.0.0.1 -p PORT` in front of `args`.
   */
  config?: string | undefined;
  /** Further arguments; {{PORT}} and {{DIR}} as in the configuration. */
  args?: readonly string[] | undefined;
  env?: Readonly<Record<string, string>> | undefined;
  /** The text on standard error that shows the server is up. Default: "Server is ready". */
  ready?: RegExp | undefined;
  /** How long it may take to be ready, in milliseconds. Default 15000. */
  readyTimeoutMs?: number | undefined;
  /** Words put in front of the program's own, such as a Node flag; for natsnode only. */
  nodeFlags?: readonly string[] | undefined;
  /** A program and its arguments that run the server, such as a tracer. */
  under?: readonly string[] | undefined;
}

export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a server and resolves when it is ready; rejects with its log when it ends before or is late. */
export async function startServerProcess(scope: Scope, options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const folder = temporaryFolder(scope);
  const port = await freePort();
  const fill = (text: string): string => text.replaceAll("{{PORT}}", String(port)).replaceAll("{{DIR}}", folder);
  const args: string[] = [];
  if (options.config === undefined) args.push("-a", "127.0.0.1", "-p", String(port));
  else {
    const named = options.config.includes("{{PORT}}")
      ? options.config
      : `listen: 127.0.0.1:{{PORT}}\n${options.config}`;
    writeFileSync(join(folder, "server.conf"), fill(named));
    args.push("-c", join(folder, "server.conf"));
  }
  args.push(...(options.args ?? []).map(fill));
  const [program, ...first] = [...(options.under ?? []), ...commandOf(options)];
  const child = spawn(program, [...first, ...args], {
    cwd: folder,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const server = new ServerProcess(child, port, folder);
  scope.after(() => server.kill());
  await server.logged(options.ready ?? /Server is ready/, options.readyTimeoutMs ?? 15_000);
  return server;
}

function commandOf({ program, nodeFlags = [] }: ServerProcessOptions): string[] {
  if (program === "neighbour") return neighbourCommand();
  if (program === "old neighbour") return [oldNeighbourPath() ?? "no nats-server 2.9"];
  return [process.execPath, ...nodeFlags, join(projectRoot, "bin", "natsnode.js")];
}

export class ServerProcess {
  /** The client port. */
  readonly port: number;
  /** The process's folder; a configuration text is in its `server.conf`. */
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #events = new EventEmitter();
  #log = "";
  #output = "";
  #end: ProcessEnd | undefined;

  constructor(child: ChildProcess, port: number, folder: string) {
    this.#child = child;
    this.port = port;
    this.folder = folder;
    this.#events.setMaxListeners(0);
    running.add(child);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
      this.#events.emit("change");
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
    });
    child.once("error", (error) => this.#finish({ code: null, signal: null }, `${error.message}\n`));
    child.once("close", (code, signal) => this.#finish({ code, signal }));
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`the server did not start: ${this.#log}`);
    return this.#child.pid;
  }

  /** Everything written to standard error so far. */
  get log(): string {
    return this.#log;
  }

  /** Everything written to standard output so far. */
  get output(): string {
    return this.#output;
  }

  /** How the process ended, or undefined while it runs. */
  get ended(): ProcessEnd | undefined {
    return this.#end;
  }

  /** Resolves with the match once standard error holds `pattern`; rejects, showing the log, at the end of the process or when late. */
  async logged(pattern: RegExp, timeoutMs = 5000): Promise<RegExpExecArray> {
    const found = await this.#until(() => pattern.exec(this.#log) ?? this.#end, timeoutMs, `log ${pattern}`);
    if (Array.isArray(found)) return found as RegExpExecArray;
    throw new Error(`the server ended (${JSON.stringify(found)}) before it logged ${pattern}:\n${this.#log}`);
  }

  /** Resolves when the process has ended and its output is complete; rejects, showing the log, when late. */
  async exited(timeoutMs = 10_000): Promise<ProcessEnd> {
    return this.#until(() => this.#end, timeoutMs, "end");
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resident memory in bytes (Linux). */
  residentBytes(): number {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"));
    if (!line) throw new Error("no VmRSS: the process has ended");
    return Number(line[1]) * 1024;
  }

  /** Ends the process at once, if it still runs. */
  async kill(): Promise<void> {
    if (this.#end !== undefined) return;
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
    // A process that it started may hold these pipes open; nobody waits for that.
    child.stdout?.destroy();
    child.stderr?.destroy();
    this.#finish({ code: child.exitCode, signal: child.signalCode });
  }

  #finish(end: ProcessEnd, note = ""): void {
    if (this.#end !== undefined) return;
    this.#log += note;
    this.#end = end;
    running.delete(this.#child);
    this.#events.emit("change");
  }

  async #until<T>(look: () => T | undefined, timeoutMs: number, what: string): Promise<T> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      try {
        await once(this.#events, "change", { signal: deadline });
      } catch {
        throw new Error(`the server did not ${what} within ${timeoutMs} ms; its log:\n${this.#log}`);
      }
    }
  }
}
