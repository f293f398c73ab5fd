// Who decides on the logins of a server, by its options and what the application hands in.
import { ApplicationLogin, type Authenticate } from "../auth/application-login.js";
import { Authenticator } from "../auth/authenticator.js";
import type { CalloutWorld } from "../auth/callout.js";
import { ConfiguredCallout } from "../auth/configured-callout.js";
import type { ResolvedOptions } from "../options/options.js";
import { COMPATIBILITY_VERSION } from "../protocol/version.js";
import type { Server } from "./server.js";

/** @param authenticate decides where the options have no users */
export function authenticatorFor(
  server: Server,
  options: ResolvedOptions,
  authenticate: Authenticate | undefined,
): Authenticator {
  const { operatorMode, accounts } = server;
  const { authCallout } = options.authorization;
  const callout = authCallout && new ConfiguredCallout(authCallout, accounts, calloutWorld(server));
  const application =
    authenticate &&
    new ApplicationLogin(authenticate, options, accounts, {
      clock: server.runtime.clock,
      logger: () => server.logger,
      failed: (error) => server.events.emit("error", error),
    });
  return new Authenticator(options, accounts, server.secrets, { operatorMode, callout, application });
}

/** What callouts need of the server; they ask as late as they need it. */
export function calloutWorld(server: Server): CalloutWorld {
  const { clock, random } = server.runtime;
  return {
    clock,
    random,
    publish: (account, message, source) => server.router.publish(account, message, source),
    logger: () => server.logger,
    signingKey: server.identity.signingKey,
    curveKey: server.identity.curveKey,
    timeoutMs: () => server.options.authorization.timeoutMs,
    server: () => ({
      name: server.name,
      host: server.advertised.host,
      id: server.id,
      version: COMPATIBILITY_VERSION,
      cluster: server.clusterName,
      tags: server.options.serverTags,
      xkey: server.identity.xkey,
    }),
  };
}
