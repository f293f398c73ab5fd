// What an application asks for, made into the options a server runs with: a configuration file or text, the options over
// it, every check before anything listens.
import type { Authenticate } from "../auth/application-login.js";
import { decodeConfig } from "../config/decode.js";
import { formatIssue } from "../config/decode-errors.js";
import { digestOf } from "../config/digest.js";
import { formatPosition } from "../config/errors.js";
import { type LoadedConfig, loadConfig } from "../config/load.js";
import { parseConfig } from "../config/parser.js";
import type { Position } from "../config/syntax.js";
import { decodeConfigText } from "../config/text.js";
import { checkForStart } from "../options/check.js";
import { OptionsError } from "../options/errors.js";
import { type ResolvedOptions, resolveOptions, type ServerOptions } from "../options/options.js";
import { unbuiltIn } from "../options/unbuilt.js";
import { COMPATIBILITY_VERSION } from "../protocol/version.js";
import type { Runtime } from "../runtime/runtime.js";
import type { ApplicationLogger } from "./logger.js";

/** Every option of the server, and where further ones come from. Options given here win over those of `config`. */
export interface SettingsSource extends ServerOptions {
  /** Path of a nats-server configuration file. */
  config?: string;
  /** The text of one. Paths in it are taken from the working directory. */
  configText?: string;
}

/** What `reload` takes. */
export interface ReloadOptions extends SettingsSource {
  /**
   * Decides on every login, in place of users in the options. Default: the options decide; at a reload, the function before.
   * A reload calls a new function for the clients that are connected; otherwise they keep what they were granted.
   */
  authenticate?: Authenticate;
}

/** What `startServer` takes. */
export interface StartOptions extends ReloadOptions {
  /** Where log lines go. Default: nowhere. */
  logger?: ApplicationLogger;
  /** The world the server lives in. Default: this machine; `natsnode/testing` has simulated ones. */
  runtime?: Runtime;
}

export interface LibrarySettings {
  /** As given, with what the configuration said; frozen. */
  readonly given: Readonly<ServerOptions>;
  readonly resolved: ResolvedOptions;
  /** `sha256:...` of the configuration's meaning; "" without one. */
  readonly digest: string;
  /** What is accepted and complained about, or has no effect yet; a line each. */
  readonly notices: readonly string[];
}

/** Where positions in a `configText` point to. */
const TEXT_NAME = "configText";

/**
 * Reads and checks everything.
 * @throws {OptionsError} for options of a wrong type, name or value, and for those that would restrict and are not built
 * @throws {ConfigFileError} when the configuration file cannot be read
 * @throws {ConfigSyntaxError} when it cannot be parsed
 * @throws {ConfigError} when its values are wrong
 */
export function readSettings(options: SettingsSource, runtime: Runtime): LibrarySettings {
  if (typeof options !== "object" || options === null) {
    throw new OptionsError(
      "OPTIONS_TYPE",
      "",
      `options must be an object, got ${options === null ? "null" : typeof options}`,
    );
  }
  const { config, configText, ...direct } = options;
  const file = readConfig(config, configText, runtime);
  const all: ServerOptions = { ...file?.options };
  for (const [name, value] of Object.entries(direct)) {
    if (value !== undefined) (all as Record<string, unknown>)[name] = value;
  }
  const resolved = resolveOptions(all);
  checkForStart(resolved, COMPATIBILITY_VERSION);
  const unbuilt = unbuiltIn(all, file?.positions);
  for (const { path, reason, where } of unbuilt.refuse)
    throw new OptionsError("OPTIONS_UNBUILT", path, at(where, reason));
  const notices = [
    ...(file?.warnings ?? []).map(formatIssue),
    ...unbuilt.announce.map(({ path, where }) => at(where, `${path} has no effect in this version`)),
  ];
  return { given: frozen(structuredClone(all)), resolved, digest: file?.digest ?? "", notices };
}

/** @throws {OptionsError} OPTIONS_TYPE when it is no function */
export function checkedAuthenticate(value: Authenticate | undefined): Authenticate | undefined {
  if (value === undefined || typeof value === "function") return value;
  throw new OptionsError("OPTIONS_TYPE", "authenticate", `authenticate must be a function, got ${typeof value}`);
}

function readConfig(path: unknown, text: unknown, { disk, process }: Runtime): LoadedConfig | undefined {
  if (path === undefined && text === undefined) return undefined;
  if (path !== undefined && text !== undefined) {
    throw new OptionsError("OPTIONS_VALUE", "configText", "config and configText cannot both be given");
  }
  for (const [name, value] of Object.entries({ config: path, configText: text })) {
    if (value === undefined || typeof value === "string") continue;
    throw new OptionsError("OPTIONS_TYPE", name, `${name} must be a string, got ${typeof value}`);
  }
  const world = { disk, env: (name: string) => process.env(name) };
  if (path !== undefined) return loadConfig(path as string, world);
  const map = parseConfig(
    { file: TEXT_NAME, text: text as string },
    { env: world.env, readFile: (file) => decodeConfigText(disk.readSync(file)) },
  );
  return { ...decodeConfig(map, TEXT_NAME, world), digest: digestOf(map) };
}

function at(where: Position | undefined, text: string): string {
  return where === undefined ? text : `${formatPosition(where)}: ${text}`;
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const item of Object.values(value)) frozen(item);
  return Object.freeze(value);
}
