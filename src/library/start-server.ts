// Starting a server inside an application.
import type { ConfigSource } from "../monitoring/config-source.js";
import { createServer } from "../natsnode.js";
import { OptionsError } from "../options/errors.js";
import { nodeRuntime } from "../runtime/node/index.js";
import { EventDispatcher } from "./events.js";
import { LibraryLogger } from "./logger.js";
import { NatsServer } from "./nats-server.js";
import { checkedAuthenticate, readSettings, type StartOptions } from "./settings.js";

/**
 * Starts a server and resolves when it listens. It belongs to the caller alone: it writes nothing, handles no signals, ends
 * no process and shares no state with other servers; while it listens, it keeps the process alive.
 * Options that are of the program (`logfile`, `syslog`, `pidfile`, `portsFileDir`) have no effect.
 * @param options every option of nats-server by its camelCase name; default: port 4222 on all interfaces, without a login
 * @throws {OptionsError} OPTIONS_TYPE, OPTIONS_VALUE, OPTIONS_UNKNOWN or OPTIONS_UNBUILT, before anything listens
 * @throws {ConfigFileError | ConfigSyntaxError | ConfigError} for `config` and `configText`, before anything listens
 * @throws the platform's error when it cannot listen: code EADDRINUSE, EACCES, EADDRNOTAVAIL, ...
 */
export async function startServer(options: StartOptions = {}): Promise<NatsServer> {
  const { logger: target, runtime = nodeRuntime(), authenticate, ...source } = checkedParts(options);
  const settings = readSettings(source, runtime);
  const events = new EventDispatcher();
  const logger = target && new LibraryLogger(target, (error) => events.emit("error", error));
  logger?.setLevels(settings.resolved);
  for (const notice of settings.notices) logger?.warn(notice);
  // Called when the server runs, and so exists.
  const config: ConfigSource = {
    get digest() {
      return server.configDigest;
    },
    reload: async () => {
      await server.reload();
    },
  };
  const fromFile = source.config !== undefined;
  const core = createServer(settings.resolved, {
    runtime,
    logger,
    config: fromFile ? config : undefined,
    authenticate: checkedAuthenticate(authenticate),
  });
  const server: NatsServer = new NatsServer({ core, runtime, events, logger, source, settings });
  await core.start();
  return server;
}

function checkedParts(options: StartOptions): StartOptions {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new OptionsError("OPTIONS_TYPE", "", "options must be an object");
  }
  for (const name of ["logger", "runtime"] as const) {
    const value: unknown = options[name];
    if (value === undefined || (typeof value === "object" && value !== null)) continue;
    throw new OptionsError(
      "OPTIONS_TYPE",
      name,
      `${name} must be an object, got ${value === null ? "null" : typeof value}`,
    );
  }
  return options;
}
