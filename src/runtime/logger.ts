// What every room writes its log lines to. The program's logger (cli/) gives them nats-server's format; the library is
// silent unless the application hands in its own.

export interface Logger {
  /** Whether debug and trace lines are wanted; rooms ask before they build one. */
  readonly debugOn: boolean;
  readonly traceOn: boolean;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  fatal(message: string): void;
  debug(message: string): void;
  trace(message: string): void;
}

const nothing = (): void => {};

/** Drops every line. */
export const silentLogger: Logger = {
  debugOn: false,
  traceOn: false,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  debug: nothing,
  trace: nothing,
};
