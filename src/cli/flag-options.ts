// What the flags make of the options of the configuration file.
import type { ServerOptions } from "../options/options.js";
import { type CommandLine, type Flag, flagOn, flagText } from "./flags.js";

/** Flags that contradict each other or the file. */
export class FlagConflictError extends Error {
  override readonly name = "FlagConflictError";
  readonly code = "NATS_FLAG_CONFLICT";
}

type Fields = { [name: string]: unknown };

/**
 * Lays the flags over the file's options, which are left as they are. At start the flags win. On a reload they do too,
 * but for those that nats-server then forgets: there the file's setting counts, if it has one.
 * @throws FlagConflictError
 */
export function withFlags(file: ServerOptions, line: CommandLine, moment: "start" | "reload"): ServerOptions {
  const options = structuredClone(file) as ServerOptions & Fields;
  for (const [flag, value] of line.flags) {
    if (flag.option === undefined || gaveWay(flag, file, moment)) continue;
    put(options, flag.option, value === "" ? undefined : value);
  }
  putLevels(options, line);
  putJetStream(options, line);
  putTls(options, line);
  putCluster(options, line);
  return options;
}

function gaveWay(flag: Flag, file: ServerOptions, moment: "start" | "reload"): boolean {
  return moment === "reload" && flag.yieldsOnReload === true && get(file, flag.option!) !== undefined;
}

/** The flags that stand for several options win over those that stand for one, wherever they come. */
function putLevels(options: Fields, line: CommandLine): void {
  const levels: [string, string[]][] = [
    ["DV", ["debug", "trace"]],
    ["DVV", ["debug", "trace", "traceVerbose"]],
    ["VV", ["trace", "traceVerbose"]],
  ];
  for (const [name, targets] of levels) {
    const on = flagOn(line, name);
    if (on !== undefined) for (const target of targets) options[target] = on;
  }
}

function putJetStream(options: Fields, line: CommandLine): void {
  const on = flagOn(line, "js");
  if (on !== undefined) put(options, ["jetstream", "enabled"], on);
}

function putTls(options: Fields, line: CommandLine): void {
  const on = flagOn(line, "tls");
  if (on === false) {
    delete options["tls"];
    return;
  }
  const verify = flagOn(line, "tlsverify");
  const files = {
    certFile: flagText(line, "tlscert"),
    keyFile: flagText(line, "tlskey"),
    caFile: flagText(line, "tlscacert"),
  };
  if (on === undefined && verify === undefined && Object.values(files).every((file) => file === undefined)) return;
  if (!files.certFile) throw new FlagConflictError("TLS Server certificate must be present and valid");
  if (!files.keyFile) throw new FlagConflictError("TLS Server private key must be present and valid");
  options["tls"] = { ...files, ...(verify === undefined ? {} : { verify }) };
}

function putCluster(options: Fields, line: CommandLine): void {
  const url = flagText(line, "cluster");
  if (url === "") put(options, ["cluster", "port"], 0);
  else if (url !== undefined) {
    const { host, port, user, password } = readClusterUrl(url);
    put(options, ["cluster", "host"], host === "" ? undefined : host);
    put(options, ["cluster", "port"], port);
    put(options, ["cluster", "authorization", "user"], user);
    put(options, ["cluster", "authorization", "password"], password);
  }
  const routes = flagText(line, "routes");
  if (routes === undefined) return;
  const listed = routes
    .split(",")
    .map((route) => route.trim())
    .filter(Boolean);
  if (
    listed.length > 0 &&
    url === undefined &&
    !get(options, ["cluster", "port"]) &&
    !get(options, ["cluster", "host"])
  ) {
    throw new FlagConflictError("solicited routes require cluster capabilities, e.g. --cluster");
  }
  put(options, ["cluster", "routes"], listed);
}

interface ClusterUrl {
  host: string;
  port: number;
  user?: string;
  password?: string;
}

function readClusterUrl(url: string): ClusterUrl {
  const match = /^[a-zA-Z][\w+.-]*:\/\/(?:([^/]*)@)?(\[[^\]]*\]|[^:/@]*)(?::([^/]*))?(?:\/.*)?$/.exec(url);
  if (match === null) throw new FlagConflictError("missing port in address");
  const [, login, host, port] = match;
  if (port === undefined || port === "") throw new FlagConflictError(`address ${host}: missing port in address`);
  if (!/^(?:-1|\d+)$/.test(port)) {
    throw new FlagConflictError(`parse ${JSON.stringify(url)}: invalid port ":${port}" after host`);
  }
  const place = { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
  if (login === undefined) return place;
  const colon = login.indexOf(":");
  if (colon < 0) throw new FlagConflictError("expected cluster password to be set");
  return { ...place, user: decoded(login.slice(0, colon)), password: decoded(login.slice(colon + 1)) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new FlagConflictError(`invalid escape in the cluster URL's user or password`);
  }
}

function get(options: Fields, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Fields | undefined)?.[name], options);
}

function put(options: Fields, path: readonly string[], value: unknown): void {
  let at = options;
  for (const name of path.slice(0, -1)) {
    if (at[name] === undefined) {
      if (value === undefined) return;
      at[name] = {};
    }
    at = at[name] as Fields;
  }
  if (value === undefined) delete at[path.at(-1)!];
  else at[path.at(-1)!] = value;
}
