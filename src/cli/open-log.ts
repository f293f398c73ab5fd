// Where the log goes, as the options say: a file, a syslog daemon, or standard error.
import type { ResolvedOptions } from "../options/options.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Host } from "./host.js";
import { type LineOptions, type LogLevels, type LogSink, lineFormat, stderrSink } from "./log.js";
import { LogFile } from "./log-file.js";
import { parseSyslogAddress, type SyslogTarget, syslogSink } from "./syslog.js";
import { inWords } from "./system-errors.js";

/** A log that cannot be opened. */
export class LogOpenError extends Error {
  override readonly name = "LogOpenError";
  readonly code = "NATS_LOG_OPEN";
}

export const logLevels = (options: ResolvedOptions): LogLevels => ({ debug: options.debug, trace: options.trace });

/**
 * Opens what the options ask for: the log file wins over a remote syslog daemon, and that over the local one.
 * @throws LogOpenError, SyslogAddressError
 */
export async function openLog(options: ResolvedOptions, runtime: Runtime, host: Host): Promise<LogSink> {
  const { clock, disk } = runtime;
  const line: LineOptions = {
    pid: runtime.process.pid,
    time: options.logtime,
    utc: options.logtimeUtc,
    colours: false,
  };
  if (options.logfile) {
    try {
      return new LogFile(disk, clock, lineFormat(clock, line), {
        path: options.logfile,
        sizeLimitBytes: options.logfileSizeLimitBytes,
        maxFiles: options.logfileMaxNum,
      });
    } catch (error) {
      throw new LogOpenError(`error opening file: open ${options.logfile}: ${inWords(error)}`);
    }
  }
  const target = syslogTarget(options);
  if (target === undefined) {
    return stderrSink(lineFormat(clock, { ...line, colours: host.stderrIsTerminal }), host.stderr);
  }
  const { programName: tag } = host;
  try {
    const link = await host.openSyslog(target, tag);
    return syslogSink(target, link, clock, { hostname: runtime.network.hostname(), tag, pid: runtime.process.pid });
  } catch (error) {
    throw new LogOpenError(`error connecting to syslog: ${JSON.stringify(inWords(error))}`);
  }
}

function syslogTarget(options: ResolvedOptions): SyslogTarget | undefined {
  if (options.remoteSyslog) return parseSyslogAddress(options.remoteSyslog);
  return options.syslog ? { kind: "local" } : undefined;
}

const LOG_OPTIONS = [
  "logfile",
  "logfileSizeLimitBytes",
  "logfileMaxNum",
  "logtime",
  "logtimeUtc",
  "syslog",
  "remoteSyslog",
] as const;

/** Whether the log must be opened anew for `next`. */
export function logMoves(old: ResolvedOptions, next: ResolvedOptions): boolean {
  return LOG_OPTIONS.some((name) => old[name] !== next[name]);
}
