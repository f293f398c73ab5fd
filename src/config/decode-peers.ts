// Blocks for other servers and other ways in: what the options table does not say about their syntax.
import { withoutUrlUsers } from "../options/redact.js";
import { compression } from "../options/table-blocks.js";
import { batchLimits, jetstream, tpm } from "../options/table-jetstream.js";
import {
  cluster,
  gateway,
  leafAuthorization,
  leafnodes,
  leafProxy,
  leafRemote,
  mqtt,
  remoteGateway,
  websocket,
} from "../options/table-peers.js";
import { switchOf } from "./decode-accounts.js";
import {
  decodePermissions,
  decodeTimeout,
  peerAuthorizationOf,
  subjectFault,
  subjectsOf,
} from "./decode-authorization.js";
import {
  type At,
  type Decoder,
  type Decoding,
  decodeList,
  decodeMap,
  durationOf,
  mapOf,
  type Values,
} from "./decode-block.js";
import { Rejection } from "./decode-errors.js";
import { isPublicNkey, isUserSeed } from "./decode-nkey.js";
import { tlsOf } from "./decode-tls.js";
import { splitUrl } from "./decode-url.js";
import { booleanOf, durationTextOf, expected, integerOf, sizeOrTextOf, textOf, typeName } from "./decode-values.js";
import type { ConfigNode } from "./syntax.js";

const MAX_ROUTE_PING_MS = 30_000;

const blockOf = (node: ConfigNode, at: At, what: string) => {
  if (node.kind === "map") return node;
  throw new Rejection(at.position, `Expected map to define ${what}, got ${typeName(node)}`);
};

const decodeCluster: Decoder<Values> = (decoding, node, at) =>
  decodeMap(decoding, blockOf(node, at, "cluster"), cluster, at.path, {
    options: {
      name: nameOf("cluster"),
      authorization: (_, value, keyAt) => {
        const { defaultPermissions, ...login } = peerAuthorizationOf("Cluster")(decoding, value, keyAt);
        if (defaultPermissions !== undefined) {
          const message = `invalid use of field "${keyAt.key}": setting "permissions" within cluster authorization block is deprecated`;
          decoding.warnings.push({ message, position: keyAt.position });
        }
        delete login.proxyRequired;
        return login;
      },
      routes: urlsOf("route"),
      tls: tlsOf(true),
      permissions: decodeClusterPermissions,
      pingIntervalMs: (_, value, keyAt) => {
        const intervalMs = durationOf(decoding, value, keyAt);
        if (intervalMs > MAX_ROUTE_PING_MS) {
          const message = "Cluster 'ping_interval' will reset to 30s which is the max for routes";
          decoding.warnings.push({ message, position: keyAt.position });
        }
        return intervalMs;
      },
      compression: compressionOf("s2_fast"),
    },
  });

/** Permissions of routes know no queue groups and no responses. */
const decodeClusterPermissions: Decoder = (decoding, node, at) => {
  const rules = decodePermissions(decoding, node, at);
  if (rules.allowResponses) {
    throw new Rejection(at.position, "Cluster permissions do not support dynamic responses");
  }
  for (const [what, subjects] of Object.entries({
    "import allow": rules.publish?.allow,
    "import deny": rules.publish?.deny,
    "export allow": rules.subscribe?.allow,
    "export deny": rules.subscribe?.deny,
  })) {
    const fault = subjects?.map((text) => subjectFault(text, false)).find((found) => found !== undefined);
    if (fault) throw new Rejection(at.position, `cluster ${what}: ${fault}`);
  }
  return rules;
};

const decodeGateway: Decoder = (decoding, node, at) =>
  decodeMap(decoding, blockOf(node, at, "gateway"), gateway, at.path, {
    options: {
      name: nameOf("gateway"),
      authorization: (_, value, keyAt) => {
        const login = peerAuthorizationOf("Gateway")(decoding, value, keyAt);
        delete login.defaultPermissions;
        delete login.proxyRequired;
        return login;
      },
      tls: tlsOf(true),
    },
  });

const decodeRemoteGateway: Decoder = (decoding, node, at) =>
  decodeMap(decoding, mapOf(node, at), remoteGateway, at.path, {
    options: {
      tls: tlsOf(true),
      url: (_, value, keyAt) => urlOf(value, keyAt, "gateway"),
      urls: urlsOf("gateway"),
    },
  });

const nameOf =
  (what: string): Decoder =>
  (_, node, at) => {
    const name = textOf(node, at);
    if (name.includes(" ")) throw new Rejection(at.position, `${what} name cannot contain spaces`);
    return name;
  };

function urlOf(node: ConfigNode, at: At, what: string): string {
  const url = textOf(node, at);
  if (!splitUrl(url)) throw new Rejection(at.position, `error parsing ${what} url ["${withoutUrlUsers(url.trim())}"]`);
  return url.trim();
}

/** A list of URLs; one that comes twice is left out, with a warning. */
const urlsOf =
  (what: string): Decoder<string[]> =>
  (decoding, node, at) => {
    const seen = new Set<string>();
    return decodeList(decoding, node, at, (item, itemAt) => {
      const url = textOf(item, itemAt);
      if (!seen.has(url)) {
        seen.add(url);
        return urlOf(item, itemAt, what);
      }
      const message = `invalid use of field "${withoutUrlUsers(url)}": Duplicate ${what} entry detected`;
      decoding.warnings.push({ message, position: itemAt.position });
      return undefined;
    }).filter((url) => url !== undefined);
  };

/** A mode, a boolean or a map. Modes are checked at start, as in the reference. */
const compressionOf =
  (modeForOn: string): Decoder =>
  (decoding, node, at) => {
    if (node.kind === "string") return { mode: node.value };
    if (node.kind === "boolean") return { mode: node.value ? modeForOn : "off" };
    if (node.kind !== "map") {
      const message = `field "${at.key}" should be a boolean or a structure, got ${typeName(node)}`;
      throw new Rejection(at.position, message);
    }
    return decodeMap(decoding, node, compression, at.path, {
      options: {
        rttThresholdsMs: (_, value, keyAt) =>
          decodeList(decoding, value, keyAt, (item, itemAt) => durationTextOf(item, itemAt)),
      },
    });
  };

const decodeLeafnodes: Decoder = (decoding, node, at) =>
  decodeMap(decoding, blockOf(node, at, "a leafnode"), leafnodes, at.path, {
    options: {
      minVersion: decodeLeafVersion,
      compression: compressionOf("s2_auto"),
      remotes: decodeRemotes,
    },
  });

const decodeLeafVersion: Decoder = (_, node, at) => {
  const version = textOf(node, at);
  const parts = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:[-+][0-9A-Za-z.+-]+)?$/.exec(version);
  if (!parts) throw new Rejection(at.position, `invalid leafnode's minimum version: invalid semver "${version}"`);
  if (Number(parts[1]) * 1000 + Number(parts[2]) < 2008) {
    throw new Rejection(at.position, "the minimum version should be at least 2.8.0");
  }
  return version;
};

const decodeLeafAuthorization: Decoder = (decoding, node, at) => {
  const values = decodeMap(decoding, mapOf(node, at), leafAuthorization, at.path, {
    options: {
      timeoutMs: decodeTimeout,
      nkey: (_, value, keyAt) => {
        const nkey = textOf(value, keyAt);
        if (isPublicNkey(nkey, "user")) return nkey;
        throw new Rejection(keyAt.position, "Not a valid public nkey for leafnode authorization");
      },
    },
  });
  const users = (values.users ?? []) as { user?: string }[];
  if (users.length === 0) return values;
  const refuse = (message: string): never => {
    throw new Rejection(at.position, message);
  };
  if (values.user) refuse("can not have a single user/pass and a users array");
  if (values.nkey) refuse("can not have a single nkey and a users array");
  const names = new Set<string>();
  for (const { user = "" } of users) {
    if (names.has(user)) refuse(`duplicate user "${user}" detected in leafnode authorization`);
    names.add(user);
  }
  return values;
};

const decodeRemotes: Decoder = (decoding, node, at) => {
  if (node.kind !== "list") {
    throw new Rejection(at.position, `Expected remotes field to be an array, got ${typeName(node)}`);
  }
  const seen = new Set<string>();
  return decodeList(decoding, node, at, (item, itemAt) => {
    if (item.kind !== "map") {
      const message = `Expected remote leafnode entry to be a map/struct, got ${typeName(item)}`;
      throw new Rejection(itemAt.position, message);
    }
    const before = decoding.errors.length;
    const remote = decodeRemote(decoding, item, itemAt);
    if (decoding.errors.length > before) return remote;
    const name = JSON.stringify([remote.urls, remote.account ?? "$G", remote.credentials, remote.nkey]);
    if (seen.has(name)) {
      const shown = ((remote.urls ?? []) as string[]).map((url) => url.replace(/\/\/.*@/, "//"));
      throw new Rejection(itemAt.position, `duplicate remote urls=${JSON.stringify(shown)}`);
    }
    seen.add(name);
    return remote;
  });
};

function decodeRemote(decoding: Decoding, node: ConfigNode, at: At): Values {
  let delayMs: number | undefined;
  const denied: Decoder = (_, value, keyAt) => subjectsOf(value, keyAt, false);
  const values = decodeMap(decoding, mapOf(node, at), leafRemote, at.path, {
    options: {
      urls: (_, value, keyAt) =>
        value.kind === "string" ? [urlOf(value, keyAt, "leafnode")] : urlsOf("leafnode")(decoding, value, keyAt),
      credentials: (_, value, keyAt) => expandPath(textOf(value, keyAt), decoding),
      nkey: (_, value, keyAt) => {
        const seed = textOf(value, keyAt);
        if (isUserSeed(seed)) return seed;
        throw new Rejection(keyAt.position, "Remote leafnode nkey is not a valid seed");
      },
      denyImports: denied,
      denyExports: denied,
      jetstreamClusterMigrate: (_, value, keyAt) => {
        if (value.kind === "boolean") return value.value;
        if (value.kind !== "map") throw expected(keyAt, "a boolean or a map", value);
        const delay = value.entries.get("leader_migrate_delay");
        if (delay) {
          const delayAt = { ...keyAt, position: delay.keyPosition, key: delay.key };
          delayMs = durationOf(decoding, delay.value, delayAt);
        }
        return true;
      },
      compression: compressionOf("s2_auto"),
    },
  });
  if (delayMs !== undefined) values.jetstreamClusterMigrateDelayMs = delayMs;
  if (values.credentials && values.nkey) {
    const position = decoding.positions.get(`${at.path}.nkey`) ?? at.position;
    throw new Rejection(position, "Remote leafnode can not have both creds and nkey defined");
  }
  checkProxy(decoding, values, at);
  return values;
}

/** A leading ~ is the home folder. */
function expandPath(path: string, decoding: Decoding): string {
  if (!path.startsWith("~")) return path;
  return (decoding.env("HOME") ?? "") + path.slice(1);
}

function checkProxy(decoding: Decoding, remote: Values, at: At): void {
  const proxy = remote.proxy as { url?: string; username?: string; password?: string; timeoutMs?: number } | undefined;
  if (!proxy) return;
  const position = decoding.positions.get(`${at.path}.proxy`) ?? at.position;
  const refuse = (message: string): never => {
    throw new Rejection(position, message);
  };
  if (!proxy.url) {
    if (!proxy.username && !proxy.password && !proxy.timeoutMs) return;
    throw new Rejection(position, "proxy URL must be specified when other proxy options are set");
  }
  const url = splitUrl(proxy.url);
  if (!url) throw new Rejection(position, `invalid proxy URL: "${withoutUrlUsers(proxy.url)}"`);
  if (!/^https?$/i.test(url.scheme)) refuse(`proxy URL scheme must be http or https, got: ${url.scheme}`);
  if (url.host === "") refuse("proxy URL must specify a host");
  if ((proxy.timeoutMs ?? 0) < 0) refuse("proxy timeout must be >= 0");
  if (!proxy.username !== !proxy.password) {
    refuse("proxy username and password must both be specified or both be empty");
  }
  const schemes = ((remote.urls ?? []) as string[]).map((text) => splitUrl(text)?.scheme.toLowerCase());
  if (schemes.includes("wss") && remote.tls === undefined) {
    refuse("proxy is configured but a remote URL requires TLS and no TLS configuration is provided");
  }
  const viaProxy = schemes.filter((scheme) => scheme === "ws" || scheme === "wss");
  if (schemes.length > viaProxy.length) {
    const message = "proxy configuration will be ignored for URLs that are not ws:// or wss://";
    decoding.warnings.push({ message, position, tolerated: true });
  }
}

const decodeJetStream: Decoder = (decoding, node, at) => {
  if (node.kind !== "map") return { enabled: switchOf(node, at) };
  let always = false;
  const sized: Decoder<number> = (_, value, keyAt) => sizeOrTextOf(value, keyAt);
  const notNegative =
    (decode: Decoder<number>): Decoder =>
    (_, value, keyAt) => {
      const number = decode(decoding, value, keyAt);
      if (number >= 0) return number;
      throw new Rejection(keyAt.position, `Expected an absolute size for "${keyAt.key}", got ${number}`);
    };
  const values = decodeMap(decoding, node, jetstream, at.path, {
    options: {
      storeDir: (_, value, keyAt) => {
        const names = [...node.entries.keys()].filter((key) => /^(store|store_?dir)$/i.test(key));
        if (names.length > 1) throw new Rejection(keyAt.position, "Duplicate 'store_dir' configuration");
        return textOf(value, keyAt);
      },
      strict: (_, value, keyAt) => booleanOf(value, keyAt),
      syncIntervalMs: (_, value, keyAt) => {
        always = value.kind === "string" && value.value.toLowerCase() === "always";
        return always ? undefined : durationOf(decoding, value, keyAt);
      },
      cipher: decodeCipher,
      uniqueTag: (_, value, keyAt) => textOf(value, keyAt).trim().toLowerCase(),
      metaCompact: notNegative((_, value, keyAt) => integerOf(value, keyAt)),
      metaCompactBytes: notNegative(sized),
    },
  });
  if (always) values.syncAlways = true;
  return values;
};

const decodeTpm: Decoder = (decoding, node, at) =>
  decodeMap(decoding, mapOf(node, at), tpm, at.path, { options: { cipher: decodeCipher } });

const decodeCipher: Decoder = (_, node, at) => {
  const cipher = textOf(node, at).toLowerCase();
  if (["chacha", "chachapoly", "aes"].includes(cipher)) return cipher;
  throw new Rejection(at.position, `Unknown cipher type: "${cipher}"`);
};

const decodeBatchLimits: Decoder = (decoding, node, at) =>
  decodeMap(decoding, blockOf(node, at, "batch limits"), batchLimits, at.path);

const decodeWebsocket: Decoder = (decoding, node, at) =>
  decodeMap(decoding, blockOf(node, at, "websocket"), websocket, at.path, {
    options: {
      handshakeTimeoutMs: (_, value, keyAt) => {
        if (value.kind === "integer") return Number(value.value) * 1000;
        return durationTextOf(value, keyAt);
      },
      headers: (_, value, keyAt) => {
        const headers: Values = {};
        for (const entry of mapOf(value, keyAt).entries.values()) {
          if (entry.value.kind === "string") headers[entry.key] = entry.value.value;
          else {
            const message = `error parsing header key ${entry.key}: unsupported type ${typeName(entry.value)}`;
            decoding.errors.push({ message, position: entry.keyPosition });
          }
        }
        return headers;
      },
    },
  });

const decodeMqtt: Decoder = (decoding, node, at) =>
  decodeMap(decoding, blockOf(node, at, "mqtt"), mqtt, at.path, {
    options: {
      consumerReplicas: (_, __, keyAt) => {
        const message = `invalid use of field "${keyAt.key}": consumer replicas setting ignored in this server version`;
        decoding.warnings.push({ message, position: keyAt.position });
        return undefined;
      },
    },
  });

const decodeProxyOfRemote: Decoder = (decoding, node, at) => decodeMap(decoding, mapOf(node, at), leafProxy, at.path);

export const peerDecoders = [
  [cluster, decodeCluster],
  [gateway, decodeGateway],
  [remoteGateway, decodeRemoteGateway],
  [leafnodes, decodeLeafnodes],
  [leafAuthorization, decodeLeafAuthorization],
  [leafProxy, decodeProxyOfRemote],
  [jetstream, decodeJetStream],
  [tpm, decodeTpm],
  [batchLimits, decodeBatchLimits],
  [websocket, decodeWebsocket],
  [mqtt, decodeMqtt],
] as const;
