// The application's logger as the server's: only the methods it has, only the levels the options ask for.
import type { Logger } from "../runtime/logger.js";

/**
 * Where the server's log lines go; each method takes one line without time and level. What is missing is dropped, except
 * that fatal lines fall back to `error`. Debug and trace lines come only with the options `debug` and `trace`.
 * `console`, pino and winston loggers fit.
 */
export interface ApplicationLogger {
  info?(message: string): void;
  warn?(message: string): void;
  error?(message: string): void;
  fatal?(message: string): void;
  debug?(message: string): void;
  trace?(message: string): void;
}

export class LibraryLogger implements Logger {
  debugOn = false;
  traceOn = false;
  readonly #target: ApplicationLogger;
  readonly #failed: (error: Error) => void;

  /** `failed` hears what the application's logger throws. */
  constructor(target: ApplicationLogger, failed: (error: Error) => void) {
    this.#target = target;
    this.#failed = failed;
  }

  setLevels(levels: { debug: boolean; trace: boolean }): void {
    this.debugOn = levels.debug && this.#target.debug !== undefined;
    this.traceOn = levels.trace && this.#target.trace !== undefined;
  }

  info(message: string): void {
    this.#write("info", message);
  }

  warn(message: string): void {
    this.#write("warn", message);
  }

  error(message: string): void {
    this.#write("error", message);
  }

  fatal(message: string): void {
    this.#write(this.#target.fatal === undefined ? "error" : "fatal", message);
  }

  debug(message: string): void {
    if (this.debugOn) this.#write("debug", message);
  }

  trace(message: string): void {
    if (this.traceOn) this.#write("trace", message);
  }

  #write(level: keyof ApplicationLogger, message: string): void {
    try {
      this.#target[level]?.(message);
    } catch (error) {
      this.#failed(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
