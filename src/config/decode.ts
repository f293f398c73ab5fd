// The values of a configuration file into the options of the server. The options table knows the keys; this file and
// its decode-* neighbours know where the syntax is more than key and value.
import { userFaults } from "../options/check-users.js";
import type { Block } from "../options/kinds.js";
import type { ServerOptions } from "../options/options.js";
import { serverTable } from "../options/table.js";
import type { Disk } from "../runtime/disk.js";
import { decodeAccounts, decodeMappings } from "./decode-accounts.js";
import { authorizationDecoders } from "./decode-authorization.js";
import { type Decoder, type Decoding, decodeMap, type Rules } from "./decode-block.js";
import { ConfigError, type ConfigWarning, Rejection } from "./decode-errors.js";
import type { Claims } from "./decode-jwt.js";
import { linkFaults } from "./decode-links.js";
import { decodePreload, decodeTrustedKeys, operatorDecoders, operatorsOf } from "./decode-operator.js";
import { peerDecoders } from "./decode-peers.js";
import { tlsDecoders } from "./decode-tls.js";
import { durationTextOf, integerOf, textOf } from "./decode-values.js";
import type { ConfigMap, Position } from "./syntax.js";

export interface Decoded {
  readonly options: ServerOptions;
  readonly warnings: readonly ConfigWarning[];
  /** Where each option was set, by its dotted path: `authorization.users`, `jetstream.domain`, `accounts.A`. */
  readonly positions: ReadonlyMap<string, Position>;
}

export interface DecodeWorld {
  /** Certificates and operator JWTs are read from here, to be checked. */
  readonly disk: Pick<Disk, "readSync" | "statSync">;
  env(name: string): string | undefined;
}

const MIN_LAME_DUCK_MS = 30_000;

const BLOCKS = new Map<Block, Decoder>([
  ...authorizationDecoders,
  ...tlsDecoders,
  ...peerDecoders,
  ...operatorDecoders,
]);

/**
 * The options that a file asks for; nothing that it does not mention is set.
 * @throws {ConfigError} with everything that is wrong
 */
export function decodeConfig(map: ConfigMap, file: string, world: DecodeWorld): Decoded {
  const decoding: Decoding = {
    disk: world.disk,
    env: (name) => world.env(name),
    errors: [],
    warnings: [],
    positions: new Map(),
    blocks: BLOCKS,
  };
  if (map.entries.size === 0) decoding.warnings.push({ message: `${file}: config has no values or is empty` });
  const operators: Claims[] = [];
  const options: ServerOptions = decodeMap(decoding, map, serverTable, "", topRules(operators));
  applyOperator(options, operators);
  checkTogether(decoding, options);
  const { errors, warnings, positions } = decoding;
  if (errors.length > 0) throw new ConfigError(errors, warnings);
  return { options, warnings, positions };
}

function topRules(operators: Claims[]): Rules {
  return {
    options: {
      serverName: (_, node, at) => {
        const name = textOf(node, at);
        if (name.includes(" ")) throw new Rejection(at.position, "server name cannot contain spaces");
        return name;
      },
      maxSubTokens: (_, node, at) => {
        const tokens = integerOf(node, at);
        if (tokens >= 1 && tokens <= 255) return tokens;
        throw new Rejection(at.position, `${at.key} value ${tokens} must be 1 to 255`);
      },
      lameDuckDurationMs: (_, node, at) => {
        const durationMs = durationTextOf(node, at);
        if (durationMs >= MIN_LAME_DUCK_MS) return durationMs;
        throw new Rejection(at.position, `invalid ${at.key} of ${durationMs / 1000}s, minimum is 30 seconds`);
      },
      lameDuckGracePeriodMs: (_, node, at) => {
        const graceMs = durationTextOf(node, at);
        if (graceMs >= 0) return graceMs;
        throw new Rejection(at.position, `invalid ${at.key}, needs to be positive`);
      },
      accounts: decodeAccounts,
      mappings: decodeMappings,
      operators: operatorsOf(operators),
      trustedKeys: decodeTrustedKeys,
      resolverPreload: decodePreload,
    },
  };
}

/** A single operator names the resolver and the system account, where the file does not. */
function applyOperator(options: ServerOptions, operators: readonly Claims[]): void {
  if (operators.length !== 1) return;
  const { system_account: systemAccount, account_server_url: url } = operators[0].nats;
  if (!options.systemAccount && typeof systemAccount === "string") options.systemAccount = systemAccount;
  options.resolver ??= { type: "URL", url: `${typeof url === "string" ? url : ""}/accounts` };
}

function checkTogether(decoding: Decoding, options: ServerOptions): void {
  const { errors, positions } = decoding;
  if (options.storeDir && options.jetstream?.storeDir) {
    const position = positions.get("jetstream.storeDir");
    errors.push({ message: "Duplicate 'store_dir' configuration", position });
  }
  for (const { path, message } of userFaults(options)) errors.push({ message, position: positions.get(path) });
  if (errors.length === 0) {
    const linkOptions = { noSystemAccount: options.noSystemAccount ?? false };
    for (const message of linkFaults(options.accounts ?? {}, linkOptions)) {
      errors.push({ message, position: positions.get("accounts") });
    }
  }
  for (const name of options.authorization?.authCallout?.allowedAccounts ?? []) {
    if (name === "$G" ? options.mappings !== undefined : Object.hasOwn(options.accounts ?? {}, name)) continue;
    errors.push({
      message: `auth_callout allowed account "${name}" not found in configured accounts`,
      position: positions.get("authorization.authCallout.allowedAccounts"),
    });
  }
}
