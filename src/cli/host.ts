// The process as the program sees it: its output, signals, other processes, and the way to a syslog daemon.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import inspector from "node:inspector";
import { connect, type Socket } from "node:net";
import { basename, dirname } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { CommandError } from "./subcommand.js";
import type { SyslogLink, SyslogTarget } from "./syslog.js";

export type ControlSignal = "SIGINT" | "SIGTERM" | "SIGUSR1" | "SIGUSR2" | "SIGHUP";

export interface Host {
  /** The program's name as it was called, without folder and `.js`. */
  readonly programName: string;
  readonly stderrIsTerminal: boolean;
  stdout(text: string): void;
  stderr(text: string): void;
  /** What process lists show from now on. */
  setTitle(title: string): void;
  onSignal(signal: ControlSignal, handle: () => void): void;
  /** Called with an exception that nothing has caught; the process is to end after it. */
  onCrash(handle: (error: unknown) => void): void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** Sends a signal to another process. Throws the platform's error (code ESRCH, EPERM). */
  kill(pid: number, signal: ControlSignal | "SIGKILL"): void;
  /** Ids of the other processes whose name contains one of `names`; undefined when this cannot be found out. */
  processesNamed(names: readonly string[]): number[] | undefined;
  /**
   * Rejects with the platform's error when the daemon cannot be reached.
   * @param tag what the lines of a daemon of this machine are marked with
   */
  openSyslog(target: SyslogTarget, tag: string): Promise<SyslogLink>;
  /**
   * A line from standard input, without its end. At a terminal `prompt` is shown and what is typed is not.
   * Rejects with a CommandError when Ctrl-C is typed.
   */
  readSecret(prompt: string): Promise<string>;
  /** The lines of standard input, without their ends, until it ends or Ctrl-C is typed; at a terminal `prompt` is shown before each. */
  lines(prompt: string): AsyncIterable<string>;
  /**
   * Writes a file that only its owner may read, in folders made for it; replaces a file at once.
   * Throws the platform's error.
   */
  writeSecret(path: string, text: string): void;
}

/** Receives SIGUSR1 from the first statement of the program on; see bin/natsnode.js. */
export interface EarlySignal {
  /** Whether the signal came while nobody handled it. */
  pending: boolean;
  handle: (() => void) | undefined;
}

/** The process that this module runs in. */
export function nodeHost(reopen: EarlySignal): Host {
  if (inspector.url() !== undefined && !inspectorWanted()) {
    // The signal came before the program's first statement, and Node has answered it in its own way.
    inspector.close();
    reopen.pending = true;
  }
  // A reader of the output that has gone away must not end the server.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  return {
    programName: basename(process.argv[1] ?? "natsnode").replace(/\.[cm]?js$/, ""),
    stderrIsTerminal: process.stderr.isTTY === true,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    setTitle: (title) => {
      process.title = title;
    },
    onSignal: (signal, handle) => {
      if (signal !== "SIGUSR1") {
        process.on(signal, handle);
        return;
      }
      reopen.handle = handle;
      if (reopen.pending) handle();
      reopen.pending = false;
    },
    onCrash: (handle) => void process.on("uncaughtException", handle),
    exit: (code) => process.exit(code),
    kill: (pid, signal) => void process.kill(pid, signal),
    processesNamed: (names) => {
      try {
        return process.platform === "linux" ? namedInProc(names) : namedByPgrep(names);
      } catch {
        return undefined;
      }
    },
    openSyslog: (target, tag) => {
      if (target.kind === "udp") return openDatagrams(target.host, target.port);
      if (target.kind === "tcp") return openStream({ host: target.host, port: target.port });
      if (target.kind === "unix") return openStream({ path: target.path });
      return openLoggerProcess(tag);
    },
    readSecret: (prompt) => (process.stdin.isTTY ? typedSecret(prompt) : firstLine()),
    lines: (prompt) => linesOfInput(prompt),
    writeSecret,
  };
}

async function* linesOfInput(prompt: string): AsyncIterable<string> {
  const terminal = process.stdin.isTTY === true;
  const reader = createInterface({
    input: process.stdin,
    output: terminal ? process.stderr : undefined,
    prompt,
    terminal,
  });
  reader.on("SIGINT", () => reader.close());
  if (terminal) reader.prompt();
  for await (const line of reader) {
    yield line;
    if (terminal) reader.prompt();
  }
}

async function firstLine(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    if ((chunk as Buffer).includes("\n")) break;
  }
  return Buffer.concat(chunks).toString("utf8").split(/\r?\n/, 1)[0];
}

function typedSecret(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  stdin.setRawMode(true).setEncoding("utf8").resume();
  return new Promise((resolve, reject) => {
    let typed = "";
    const end = (settle: () => void): void => {
      stdin.off("data", take).setRawMode(false).pause();
      stderr.write("\n");
      settle();
    };
    const take = (text: string): void => {
      for (const char of text) {
        if (char === "\r" || char === "\n" || char === "\x04") {
          end(() => resolve(typed));
          return;
        }
        if (char === "\x03") {
          end(() => reject(new CommandError("COMMAND_INVALID", "interrupted")));
          return;
        }
        if (char === "\x7f" || char === "\b") typed = Array.from(typed).slice(0, -1).join("");
        else typed += char;
      }
    };
    stdin.on("data", take);
  });
}

function writeSecret(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
    writeFileSync(path, text); // a terminal or a pipe, which must not be replaced
    return;
  }
  const temporary = `${path}.tmp`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, text, { mode: 0o600, flag: "wx" });
  renameSync(temporary, path);
}

function inspectorWanted(): boolean {
  return /--inspect/.test([...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].join(" "));
}

function namedInProc(names: readonly string[]): number[] {
  const found: number[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    let name: string;
    try {
      name = readFileSync(`/proc/${entry}/comm`, "utf8");
    } catch {
      continue; // ended meanwhile
    }
    if (names.some((wanted) => name.includes(wanted))) found.push(Number(entry));
  }
  return found.sort((a, b) => a - b);
}

function namedByPgrep(names: readonly string[]): number[] {
  try {
    const output = execFileSync("pgrep", [names.join("|")], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return output.split("\n").filter(Boolean).map(Number);
  } catch (error) {
    if ((error as { status?: number }).status === 1) return []; // pgrep's way of saying none
    throw error;
  }
}

async function openDatagrams(host: string, port: number): Promise<SyslogLink> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.on("error", () => {});
  await new Promise<void>((resolve, reject) => {
    socket.connect(port, host, ((error?: Error) => (error ? reject(error) : resolve())) as () => void);
  });
  let sending = 0;
  let idle = (): void => {};
  return {
    send: (line) => {
      sending += 1;
      socket.send(line, () => {
        sending -= 1;
        if (sending === 0) idle();
      });
    },
    close: async () => {
      if (sending > 0) await new Promise<void>((resolve) => (idle = resolve));
      socket.close();
    },
  };
}

const RECONNECT_AFTER_MS = 1000;
const CLOSE_TIMEOUT_MS = 1000;
/** Lines beyond this are dropped while the daemon is away. */
const MAX_WAITING_BYTES = 1024 * 1024;

async function openStream(address: { host: string; port: number } | { path: string }): Promise<SyslogLink> {
  let closing = false;
  let waiting = "";
  let socket: Socket | undefined;
  const attach = (next: Socket): void => {
    socket = next;
    next.unref();
    next.on("error", () => {});
    next.on("close", () => {
      socket = undefined;
      if (!closing) setTimeout(reconnect, RECONNECT_AFTER_MS).unref();
    });
    if (waiting !== "") next.write(waiting);
    waiting = "";
  };
  const reconnect = (): void => {
    if (closing) return;
    dial(address).then(attach, () => setTimeout(reconnect, RECONNECT_AFTER_MS).unref());
  };
  attach(await dial(address));
  return {
    send: (line) => {
      if (socket !== undefined && socket.writableLength < MAX_WAITING_BYTES) socket.write(`${line}\n`);
      else if (waiting.length < MAX_WAITING_BYTES) waiting += `${line}\n`;
    },
    close: async () => {
      closing = true;
      const last = socket;
      if (last === undefined) return;
      await within(CLOSE_TIMEOUT_MS, (done) => last.ref().end(done));
      last.destroy();
    },
  };
}

function dial(address: { host: string; port: number } | { path: string }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/** The local daemon, through util-linux's `logger`: Node has no sockets for the datagrams that /dev/log takes. */
async function openLoggerProcess(tag: string): Promise<SyslogLink> {
  const child = spawn("logger", ["--prio-prefix", `--id=${process.pid}`, "--tag", tag], {
    stdio: ["pipe", "ignore", "pipe"],
    detached: true, // a Ctrl-C is for the server, which still has lines to log
  }) as ChildProcess & { stdin: Socket; stderr: Readable };
  child.stdin.on("error", () => {});
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  child.unref();
  child.stdin.unref();
  child.stderr.destroy();
  return {
    send: (line) => void child.stdin.write(`${line}\n`),
    close: () =>
      within(CLOSE_TIMEOUT_MS, (done) => {
        child.ref();
        child.once("exit", done);
        child.stdin.end();
      }),
  };
}

function within(limitMs: number, run: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limitMs);
    run(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
