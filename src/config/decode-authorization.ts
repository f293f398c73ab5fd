// Who may connect and what they may do: authorization blocks, users, permissions and the auth callout.
import type { PermissionsOptions, UserOptions } from "../options/options.js";
import {
  allowResponses,
  authCallout,
  authorization,
  peerAuthorization,
  permissions,
  simpleAuthorization,
  subjectRules,
  user,
} from "../options/table-blocks.js";
import { hasBlank, isValidSubject } from "../subjects/validity.js";
import { type At, attempt, type Decoder, type Decoding, decodeMap, mapOf, type Values } from "./decode-block.js";
import { Rejection } from "./decode-errors.js";
import { isPublicNkey } from "./decode-nkey.js";
import { expected, parseDurationMs, secondsOf, typeName } from "./decode-values.js";
import type { ConfigNode } from "./syntax.js";

const LONG_TIMEOUT_MS = 60_000;

const CONNECTION_TYPES = ["STANDARD", "WEBSOCKET", "LEAFNODE", "LEAFNODE_WS", "MQTT", "MQTT_WS", "IN_PROCESS"];

/** A list of subjects or a single one. `withQueue` allows "subject queue". */
export function subjectsOf(node: ConfigNode, at: At, withQueue: boolean): string[] {
  const items = node.kind === "string" ? [node] : node.kind === "list" ? node.items : undefined;
  if (!items) throw expected(at, "a subject, or a list of subjects", node);
  return items.map((item) => {
    if (item.kind !== "string") throw expected(at, "a subject", item);
    const fault = subjectFault(item.value, withQueue);
    if (fault) throw new Rejection(at.position, fault);
    return item.value;
  });
}

/** What is wrong with a subject of permissions; undefined when nothing is. */
export function subjectFault(subject: string, withQueue: boolean): string | undefined {
  const isSubject = (text: string) => isValidSubject(text) && !hasBlank(text);
  if (isSubject(subject)) return undefined;
  const words = subject.trim().split(/\s+/);
  if (!withQueue || words.length !== 2) return `subject "${subject}" is not a valid subject`;
  if (!isSubject(words[0])) return `subject "${words[0]}" is not a valid subject`;
  return isSubject(words[1]) ? undefined : `queue "${words[1]}" is not a valid queue`;
}

const rulesOf =
  (withQueue: boolean): Decoder =>
  (decoding, node, at) => {
    if (node.kind !== "map") return { allow: subjectsOf(node, at, withQueue) };
    const subjects: Decoder = (_, list, listAt) => subjectsOf(list, listAt, withQueue);
    const rules = decodeMap(decoding, node, subjectRules, at.path, {
      options: { allow: subjects, deny: subjects },
      unknown: (key) => `Unknown field name "${key}" parsing subject permissions, only 'allow' or 'deny' are permitted`,
    });
    return Object.keys(rules).length === 0 ? undefined : rules;
  };

const unknownPermission = (key: string): string => `Unknown field "${key}" parsing permissions`;

const decodeAllowResponses: Decoder = (decoding, node, at) => {
  if (node.kind === "boolean") return node.value ? {} : undefined;
  if (node.kind !== "map") {
    throw new Rejection(at.position, "error parsing response permissions, expected a boolean or a map");
  }
  return decodeMap(decoding, node, allowResponses, at.path, { unknown: unknownPermission });
};

export const decodePermissions: Decoder<PermissionsOptions> = (decoding, node, at) => {
  if (node.kind !== "map") {
    throw new Rejection(at.position, `Expected permissions to be a map/struct, got ${typeName(node)}`);
  }
  return decodeMap(decoding, node, permissions, at.path, {
    options: { publish: rulesOf(false), subscribe: rulesOf(true), allowResponses: decodeAllowResponses },
    unknown: unknownPermission,
  });
};

export const decodeUsers: Decoder<UserOptions[]> = (decoding, node, at) => {
  if (node.kind !== "list") {
    throw new Rejection(at.position, `Expected users field to be an array, got ${typeName(node)}`);
  }
  const users: UserOptions[] = [];
  for (const item of node.items) {
    const path = `${at.path}[${users.length}]`;
    decoding.positions.set(path, item.position);
    const decoded = attempt(decoding, () => decodeUser(decoding, item, { position: item.position, key: at.key, path }));
    if (decoded) users.push(decoded);
  }
  return users;
};

function decodeUser(decoding: Decoding, node: ConfigNode, at: At): UserOptions {
  if (node.kind !== "map") {
    throw new Rejection(at.position, `Expected user entry to be a map/struct, got ${typeName(node)}`);
  }
  const values: UserOptions = decodeMap(decoding, node, user, at.path, {
    options: { allowedConnectionTypes: decodeConnectionTypes },
  });
  if (values.nkey === undefined || values.nkey === "") {
    const given = [...node.entries.values()].some(({ key }) => /^(user|username|nkey)$/i.test(key));
    const isWrong = given && values.user === undefined && values.nkey === undefined;
    if (!values.user && !isWrong) throw new Rejection(at.position, "User entry requires a user");
    return values;
  }
  if (!isPublicNkey(values.nkey, "user")) {
    throw new Rejection(at.position, "Not a valid public nkey for a user");
  }
  if (values.user || values.password) {
    throw new Rejection(at.position, "Nkey users do not take usernames or passwords (nkey and user or password)");
  }
  return values;
}

const decodeConnectionTypes: Decoder<string[]> = (decoding, node, at) => {
  const items = node.kind === "string" ? [node] : node.kind === "list" ? node.items : undefined;
  if (!items) throw expected(at, "a connection type, or a list of them", node);
  const types = items.map((item) => {
    if (item.kind !== "string") throw expected(at, "a connection type", item);
    return item.value.toUpperCase();
  });
  const unknown = types.filter((type) => !CONNECTION_TYPES.includes(type));
  if (unknown.length > 0) {
    decoding.errors.push({ message: `invalid connection types ${JSON.stringify(unknown)}`, position: at.position });
  }
  return types;
};

/** A time to authenticate. Above a minute there is a warning: it may be meant in milliseconds. */
export const decodeTimeout: Decoder<number> = (decoding, node, at) => {
  const timeoutMs = secondsOf(node, at);
  if (timeoutMs > LONG_TIMEOUT_MS) {
    const hint = "consider keeping it under 60 seconds, and quoting durations, such as '1m'";
    const message = `invalid use of field "${at.key}": timeout of ${timeoutMs / 1000} seconds is high, ${hint}`;
    decoding.warnings.push({ message, position: at.position });
  }
  return timeoutMs;
};

const decodeCallout: Decoder = (decoding, node, at) => {
  const key =
    (kind: "account" | "curve", name: string, what: string): Decoder =>
    (_, value, keyAt) => {
      if (value.kind !== "string") throw expected(keyAt, "a string", value);
      if (!isPublicNkey(value.value, kind)) {
        throw new Rejection(
          keyAt.position,
          `Expected callout ${name} to be a valid public ${what}, got "${value.value}"`,
        );
      }
      return value.value;
    };
  const before = decoding.errors.length;
  const values = decodeMap(decoding, mapOf(node, at), authCallout, at.path, {
    options: { issuer: key("account", "issuer", "account nkey"), xkey: key("curve", "xkey", "xkey") },
    unknown: (name) => `Unknown field "${name}" parsing authorization callout`,
  });
  if (decoding.errors.length > before) return values;
  if (!values.issuer) {
    throw new Rejection(at.position, "Authorization callouts require an issuer to be specified");
  }
  if (!Array.isArray(values.authUsers) || values.authUsers.length === 0) {
    throw new Rejection(at.position, "Authorization callouts require authorized users to be specified");
  }
  return values;
};

export const decodeAuthorization: Decoder<Values> = (decoding, node, at) =>
  decodeMap(decoding, mapOf(node, at), authorization, at.path, {
    options: { users: decodeUsers, timeoutMs: decodeTimeout, authCallout: decodeCallout },
  });

/** Cluster and gateway: an authorization block that may name one user only. */
export const peerAuthorizationOf =
  (what: "Cluster" | "Gateway"): Decoder<Values> =>
  (decoding, node, at) => {
    const { users, token, authCallout: callout, ...values } = decodeAuthorization(decoding, node, at);
    const refuse = (fault: string): never => {
      throw new Rejection(at.position, `${what} authorization does not ${fault}`);
    };
    if (users !== undefined) refuse("allow multiple users");
    if (token !== undefined && token !== "") refuse("support tokens");
    if (callout !== undefined) refuse("support callouts");
    return values;
  };

// The reference takes a second for a timeout that is neither a number nor text.
const decodeSimpleTimeout: Decoder<number> = (_, node) => {
  if (node.kind === "integer") return Number(node.value) * 1000;
  if (node.kind === "float") return node.value * 1000;
  try {
    return node.kind === "string" ? parseDurationMs(node.value) : 1_000;
  } catch {
    return 1_000;
  }
};

const decodeSimpleAuthorization: Decoder = (decoding, node, at) =>
  decodeMap(decoding, mapOf(node, at), simpleAuthorization, at.path, { options: { timeoutMs: decodeSimpleTimeout } });

export const authorizationDecoders = [
  [permissions, decodePermissions],
  [authorization, decodeAuthorization],
  [simpleAuthorization, decodeSimpleAuthorization],
  [peerAuthorization, peerAuthorizationOf("Cluster")],
] as const;
