// Log lines for a syslog daemon (RFC 3164), with the severities that nats-server gives to its levels.

import { type CalendarTime, calendar, offsetText } from "../protocol/calendar.js";
import type { Clock } from "../runtime/clock.js";
import type { LogLevel, LogSink } from "./log.js";

export type SyslogTarget =
  | { readonly kind: "local" }
  | { readonly kind: "udp" | "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** A way to a syslog daemon. */
export interface SyslogLink {
  /** Queues one line. */
  send(line: string): void;
  /** Resolves when what was queued is out, or after a second. */
  close(): Promise<void>;
}

export class SyslogAddressError extends Error {
  override readonly name = "SyslogAddressError";
  readonly code = "NATS_SYSLOG_ADDRESS";
}

const DEFAULT_PORT = 514;

/**
 * Reads the address of a remote daemon: `udp://host:port`, `tcp://host:port` or `unix:///path`.
 * @throws SyslogAddressError
 */
export function parseSyslogAddress(address: string): SyslogTarget {
  const match = /^([^:]*):\/\/(.*)$/.exec(address);
  const network = match?.[1] ?? "";
  if (match !== null && network === "unix") return { kind: "unix", path: match[2] };
  if (match === null || (network !== "udp" && network !== "tcp")) {
    throw new SyslogAddressError(`error invalid network type: ${JSON.stringify(network)}`);
  }
  const place = /^(?:\[([^\]]*)\]|([^:/]*))(?::(\d+))?\/?$/.exec(match[2]);
  const port = Number(place?.[3] ?? DEFAULT_PORT);
  if (place === null || port > 65535) {
    throw new SyslogAddressError(`error connecting to syslog: ${JSON.stringify(`invalid address ${match[2]}`)}`);
  }
  return { kind: network, host: place[1] || place[2] || "localhost", port };
}

const SEVERITY: Readonly<Record<LogLevel, number>> = { INF: 5, WRN: 4, ERR: 3, FTL: 2, DBG: 7, TRC: 5 };
const DAEMON = 3 << 3;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export interface SyslogIdentity {
  readonly hostname: string;
  readonly tag: string;
  readonly pid: number;
}

/** What a remote daemon gets; nats-server sends no facility there. */
export function remoteLine(level: LogLevel, text: string, time: CalendarTime, from: SyslogIdentity): string {
  const { year, month, day, hour, minute, second, offsetMinutes } = time;
  const stamp = `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}${offsetText(offsetMinutes)}`;
  return `<${SEVERITY[level]}>${stamp} ${from.hostname} ${from.tag}[${from.pid}]: ${text}`;
}

/** What a daemon of this machine gets over a stream socket. */
export function localLine(level: LogLevel, text: string, time: CalendarTime, from: SyslogIdentity): string {
  const { month, day, hour, minute, second } = time;
  const stamp = `${MONTHS[month - 1]} ${String(day).padStart(2)} ${two(hour)}:${two(minute)}:${two(second)}`;
  return `<${SEVERITY[level]}>${stamp} ${from.tag}[${from.pid}]: ${text}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** Sends every line over `link`. */
export function syslogSink(target: SyslogTarget, link: SyslogLink, clock: Clock, from: SyslogIdentity): LogSink {
  const format = target.kind === "unix" ? localLine : remoteLine;
  return {
    write: (level, text) => {
      // The logger process of a local daemon adds time, tag and pid itself.
      if (target.kind === "local") link.send(`<${DAEMON | SEVERITY[level]}>${text.replaceAll("\n", " ")}`);
      else link.send(format(level, text, calendar(clock.nowMs(), clock.utcOffsetMinutes(clock.nowMs())), from));
    },
    close: () => link.close(),
  };
}
