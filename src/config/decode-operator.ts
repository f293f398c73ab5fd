// Operator mode: operator JWTs, trusted keys, and where account JWTs come from. Also the OCSP blocks.

import { texts } from "../options/kinds.js";
import { withoutUrlUsers } from "../options/redact.js";
import { ocsp, ocspCache, proxies, resolver, trustedProxy } from "../options/table.js";
import {
  type At,
  attempt,
  type Decoder,
  type Decoding,
  decodeKind,
  decodeMap,
  define,
  mapOf,
  type Values,
} from "./decode-block.js";
import { Rejection } from "./decode-errors.js";
import { type Claims, decodeClaims, undecorate } from "./decode-jwt.js";
import { isAnyPublicNkey, isPublicNkey } from "./decode-nkey.js";
import { splitUrl } from "./decode-url.js";
import { expected, secondsOf, textOf, typeName } from "./decode-values.js";
import { describeReadError } from "./session.js";

const JWT_START = "eyJ";

/** The operators' claims are kept for what follows from a single operator: its resolver and its system account. */
export const operatorsOf =
  (claims: Claims[]): Decoder<string[]> =>
  (decoding, node, at) => {
    const named = decodeKind(decoding, node, texts, at) as string[];
    const jwts: string[] = [];
    for (const text of named) {
      attempt(decoding, () => {
        const jwt = undecorate(readOperator(decoding, text, at));
        try {
          claims.push(decodeClaims(jwt, "operator"));
          jwts.push(jwt);
        } catch (error) {
          throw new Rejection(at.position, `error parsing operator JWT: ${(error as Error).message}`);
        }
      });
    }
    return jwts;
  };

function readOperator(decoding: Decoding, text: string, at: At): string {
  try {
    return decoding.disk.readSync(text).toString("utf8");
  } catch (error) {
    if (text.startsWith(JWT_START)) return text;
    throw new Rejection(at.position, `error parsing operator JWT: ${describeReadError(text, error)}`);
  }
}

export const decodeTrustedKeys: Decoder = (decoding, node, at) => {
  const keys = decodeKind(decoding, node, texts, at) as string[];
  for (const key of keys) {
    if (isPublicNkey(key, "operator")) continue;
    const message = `trust key "${key}" required to be a valid public operator nkey`;
    decoding.errors.push({ message, position: at.position });
  }
  return keys;
};

const UNKNOWN_RESOLVER =
  'error parsing account resolver, should be MEM or URL("url") or a map containing dir and type state=[FULL|CACHE])';

/** MEMORY, URL(...) or a map whose unknown keys are passed over. */
const decodeResolver: Decoder = (decoding, node, at) => {
  if (node.kind === "string") return resolverByName(node.value, at);
  if (node.kind !== "map") {
    throw new Rejection(at.position, `error parsing operator resolver, wrong type: ${typeName(node)}`);
  }
  const values = decodeMap(decoding, node, resolver, at.path, {
    options: { type: (_, value, keyAt) => textOf(value, keyAt).toUpperCase() },
    unknown: null,
    exactCase: true,
  });
  const refuse = (message: string) => {
    decoding.errors.push({ message, position: at.position });
  };
  const checkDir = () => {
    if (!values.dir) return refuse("dir has no value and needs to point to a directory");
    const info = decoding.disk.statSync(values.dir as string);
    if (info && !info.isDirectory) refuse("dir needs to point to an accessible directory");
  };
  switch (values.type) {
    case "MEM":
    case "MEMORY":
      return { type: "MEMORY" };
    case "FULL":
      checkDir();
      if (values.ttlMs) refuse("FULL does not accept ttl");
      if (values.hardDelete !== undefined && !values.allowDelete) refuse("hard_delete has no effect without delete");
      return values;
    case "CACHE":
      checkDir();
      if (values.intervalMs) refuse("CACHE does not accept sync");
      if (values.allowDelete) refuse("CACHE does not accept allow_delete");
      if (values.hardDelete !== undefined) refuse("CACHE does not accept hard_delete");
      return values;
    default:
      throw new Rejection(at.position, UNKNOWN_RESOLVER);
  }
};

function resolverByName(text: string, at: At): Values {
  if (/MEM/i.test(text)) return { type: "MEMORY" };
  const url = /URL(?:\(\s*"?([^\s"]*)"?\s*\))?/i.exec(text);
  if (!url) throw new Rejection(at.position, UNKNOWN_RESOLVER);
  if (!splitUrl(url[1] ?? "")) {
    throw new Rejection(at.position, `error parsing account resolver url ["${withoutUrlUsers(url[1] ?? "")}"]`);
  }
  return { type: "URL", url: url[1] ?? "" };
}

export const decodePreload: Decoder = (decoding, node, at) => {
  if (node.kind !== "map") {
    throw new Rejection(at.position, "preload should be a map of account_public_key:account_jwt");
  }
  const preload: Values = {};
  for (const entry of node.entries.values()) {
    const position = entry.keyPosition;
    attempt(decoding, () => {
      if (entry.value.kind !== "string") throw new Rejection(position, "preload map value should be a string JWT");
      try {
        decodeClaims(entry.value.value, "account");
      } catch (error) {
        throw new Rejection(position, `invalid account JWT: ${(error as Error).message}`);
      }
      define(preload, entry.key, entry.value.value);
    });
  }
  return preload;
};

const OCSP_MODES = ["auto", "always", "must", "never"];

const decodeOcsp: Decoder = (decoding, node, at) => {
  if (node.kind === "boolean") return { mode: node.value ? "auto" : "never" };
  if (node.kind !== "map") {
    throw new Rejection(at.position, `error parsing ocsp config: unsupported type ${typeName(node)}`);
  }
  return decodeMap(decoding, node, ocsp, at.path, {
    options: {
      mode: (_, value, keyAt) => {
        const mode = textOf(value, keyAt).toLowerCase();
        if (OCSP_MODES.includes(mode)) return mode;
        throw new Rejection(keyAt.position, `error parsing ocsp config: unsupported ocsp mode "${mode}"`);
      },
    },
    unknown: (key) => `error parsing ocsp config: unsupported field "${key}"`,
    noVariables: true,
    exactCase: true,
  });
};

const decodeOcspCache: Decoder = (decoding, node, at) => {
  if (node.kind === "boolean") return { type: node.value ? "local" : "none" };
  return decodeMap(decoding, mapOf(node, at), ocspCache, at.path, {
    options: {
      type: (_, value, keyAt) => {
        const type = textOf(value, keyAt).toLowerCase();
        if (type === "none" || type === "local") return type;
        throw new Rejection(keyAt.position, `error parsing ocsp cache config, unknown cache type [${type}]`);
      },
      saveIntervalMs: (_, value, keyAt) => Math.max(1_000, secondsOf(value, keyAt)),
    },
    unknown: (key) => `error parsing ocsp cache config, unknown field [${key}]`,
    noVariables: true,
  });
};

const decodeTrustedProxy: Decoder = (decoding, node, at) =>
  decodeMap(decoding, mapOf(node, at), trustedProxy, at.path, {
    options: {
      key: (_, value, keyAt) => {
        const key = textOf(value, keyAt);
        if (isAnyPublicNkey(key)) return key;
        throw new Rejection(keyAt.position, `invalid proxy key "${key}"`);
      },
    },
  });

const decodeProxies: Decoder = (decoding, node, at) => {
  if (node.kind !== "map") throw expected(at, "a map", node);
  return decodeMap(decoding, node, proxies, at.path);
};

export const operatorDecoders = [
  [resolver, decodeResolver],
  [ocsp, decodeOcsp],
  [ocspCache, decodeOcspCache],
  [proxies, decodeProxies],
  [trustedProxy, decodeTrustedProxy],
] as const;
