// The first lines of a server's log: who it is, what it runs with, and what its operator should know.
import { decodeJwt } from "../auth/jwt/jwt.js";
import { hasPlainPasswords } from "../auth/plain-passwords.js";
import { formatMs } from "../protocol/rfc3339.js";
import { COMPATIBILITY_VERSION, NATSNODE_VERSION } from "../protocol/version.js";
import type { Logger } from "../runtime/logger.js";
import type { Settings } from "./settings.js";

/** Writes the banner; `engine` is what runs the program. */
export function writeBanner(
  log: Logger,
  settings: Settings,
  server: { readonly name: string; readonly id: string },
  engine: string,
): void {
  const { options, configFile, digest, withoutEffect } = settings;
  log.info("Starting nats-server");
  log.info(`  Version:  ${COMPATIBILITY_VERSION}`);
  log.info(`  Git:      [natsnode ${NATSNODE_VERSION}]`);
  log.debug(`  Engine:   ${engine}`);
  if (options.cluster?.name) log.info(`  Cluster:  ${options.cluster.name}`);
  log.info(`  Name:     ${server.name}`);
  log.info(`  ID:       ${server.id}`);
  if (hasPlainPasswords(options)) log.warn("Plaintext passwords detected, use nkeys or bcrypt");
  if (configFile !== undefined) log.info(`Using configuration file: ${configFile} (${digest})`);
  if (options.operators?.length) log.info("Trusted Operators");
  for (const operator of options.operators ?? []) writeOperator(log, operator);
  for (const warning of withoutEffect) log.warn(warning);
}

function writeOperator(log: Logger, token: string): void {
  const { name, audience, issuedAt, expires } = decodeJwt(token, "operator");
  log.info(`  System  : ${JSON.stringify(audience)}`);
  log.info(`  Operator: ${JSON.stringify(name)}`);
  log.info(`  Issued  : ${timeText(issuedAt)}`);
  log.info(`  Expires : ${expires === 0 ? "Never" : timeText(expires)}`);
}

// `2006-01-02 15:04:05 +0000 UTC`.
function timeText(seconds: number): string {
  return formatMs(seconds * 1000)
    .replace("T", " ")
    .replace(/(\.\d+)?Z$/, " +0000 UTC");
}
