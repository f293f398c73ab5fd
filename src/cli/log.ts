// The program's log: nats-server's line format, to standard error, a file or syslog, changed in place by reloads.

import { calendar } from "../protocol/calendar.js";
import type { Clock } from "../runtime/clock.js";
import type { Logger } from "../runtime/logger.js";

export type LogLevel = "INF" | "WRN" | "ERR" | "FTL" | "DBG" | "TRC";

/** Where lines go. */
export interface LogSink {
  write(level: LogLevel, text: string): void;
  /** Starts its file anew, after somebody has moved it away; absent where there is no file. */
  reopen?(): void;
  /** Resolves when everything is out. */
  close(): Promise<void>;
}

export interface LogLevels {
  readonly debug: boolean;
  readonly trace: boolean;
}

/** The logger that all rooms get; its sink and its levels may change while they hold it. */
export class ProgramLog implements Logger {
  debugOn: boolean;
  traceOn: boolean;
  #sink: LogSink;
  #closed: Promise<void> | undefined;

  constructor(sink: LogSink, levels: LogLevels) {
    this.#sink = sink;
    this.debugOn = levels.debug;
    this.traceOn = levels.trace;
  }

  /** Takes new levels and, if one is given, another sink; the old one is closed. */
  async change(levels: LogLevels, sink?: LogSink): Promise<void> {
    this.debugOn = levels.debug;
    this.traceOn = levels.trace;
    if (sink === undefined) return;
    const old = this.#sink;
    this.#sink = sink;
    await old.close();
  }

  /** Starts the log file anew; false when the log does not go to a file. Throws the platform's error. */
  reopen(): boolean {
    if (this.#sink.reopen === undefined) return false;
    this.#sink.reopen();
    return true;
  }

  /** Resolves when everything is out; can be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#sink.close();
    return this.#closed;
  }

  info(message: string): void {
    this.#sink.write("INF", message);
  }
  warn(message: string): void {
    this.#sink.write("WRN", message);
  }
  error(message: string): void {
    this.#sink.write("ERR", message);
  }
  fatal(message: string): void {
    this.#sink.write("FTL", message);
  }
  debug(message: string): void {
    if (this.debugOn) this.#sink.write("DBG", message);
  }
  trace(message: string): void {
    if (this.traceOn) this.#sink.write("TRC", message);
  }
}

export interface LineOptions {
  readonly pid: number;
  /** Whether lines carry the time. */
  readonly time: boolean;
  readonly utc: boolean;
  readonly colours: boolean;
}

export type LineFormat = (level: LogLevel, text: string) => string;

const COLOUR: Readonly<Record<LogLevel, string>> = {
  INF: "32",
  DBG: "36",
  WRN: "0;93",
  ERR: "31",
  FTL: "31",
  TRC: "33",
};

/** Builds lines such as `[7] 2026/01/02 15:04:05.123456 [INF] text`, each with its line end. */
export function lineFormat(clock: Clock, options: LineOptions): LineFormat {
  const label = (level: LogLevel): string => (options.colours ? `\x1b[${COLOUR[level]}m${level}\x1b[0m` : level);
  if (!options.time) return (level, text) => `[${options.pid}] [${label(level)}] ${text}\n`;
  let second = Number.NaN;
  let stamp = "";
  return (level, text) => {
    const ms = clock.nowMs();
    if (Math.floor(ms / 1000) !== second) {
      second = Math.floor(ms / 1000);
      const at = calendar(ms, options.utc ? 0 : clock.utcOffsetMinutes(ms));
      stamp = `${pad(at.year, 4)}/${pad(at.month, 2)}/${pad(at.day, 2)} ${pad(at.hour, 2)}:${pad(at.minute, 2)}:${pad(at.second, 2)}`;
    }
    const micros = Math.floor((ms - second * 1000) * 1000);
    return `[${options.pid}] ${stamp}.${pad(micros, 6)} [${label(level)}] ${text}\n`;
  };
}

const pad = (value: number, width: number): string => String(value).padStart(width, "0");

/** Standard error, written before the call returns. */
export function stderrSink(format: LineFormat, stderr: (text: string) => void): LogSink {
  return { write: (level, text) => stderr(format(level, text)), close: async () => {} };
}
