// Why a server could not be started, in the words of nats-server's log.
import { OptionsError } from "../options/errors.js";
import type { ResolvedOptions } from "../options/options.js";
import { codeOf, inWords } from "./system-errors.js";

const MONITORING = "Can't start monitoring: ";

/**
 * The text of the log's last line. `error` is what a listener was refused with (the platform's error, its `port` being
 * the one that was asked for), or any other.
 */
export function startFailure(error: unknown, options: ResolvedOptions): string {
  const { syscall, port } = error as { syscall?: string; port?: number };
  const { host, httpHost, httpPort, httpsPort } = options;
  const badPort = codeOf(error) === "ERR_SOCKET_BAD_PORT";
  if (syscall !== "listen" && syscall !== "getaddrinfo" && !badPort) return (error as Error).message;
  const reason = (place: string, wanted: number): string => {
    if (badPort) return `listen tcp: address ${wanted}: invalid port`;
    if (syscall === "getaddrinfo") return `listen tcp: lookup ${place}: no such host`;
    return `listen tcp ${hostPort(place, wanted)}: bind: ${inWords(error)}`;
  };
  const monitoringPort = httpsPort || httpPort;
  const isMonitoring = badPort ? isBad(monitoringPort) : port === monitoringPort && port !== options.port;
  if (monitoringPort !== 0 && isMonitoring) {
    return `${MONITORING}can't listen to the monitor port: ${reason(httpHost, monitoringPort)}`;
  }
  return `Error listening on port: ${hostPort(host, options.port)}, "${reason(host, options.port)}"`;
}

const isBad = (port: number): boolean => port > 65535;

function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The text of the log's last line for options that only a listener could object to; undefined for all others, which are
 * refused before there is a log.
 */
export function listenerRefusal(error: unknown): string | undefined {
  if (!(error instanceof OptionsError)) return undefined;
  if (error.path === "httpsPort") return `${MONITORING}${error.message.replace(MONITORING, "")}`;
  return error.path === "port" ? error.message : undefined;
}
