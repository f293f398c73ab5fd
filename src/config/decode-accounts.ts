// Accounts: their users, imports, exports, limits, mappings and traces.

import { encodeSubject } from "../options/subject-bytes.js";
import {
  account,
  accountJetStream,
  accountLimits,
  exported,
  imported,
  importSource,
  latency,
  mapDestination,
  msgTrace,
} from "../options/table-blocks.js";
import { MappingError, SubjectMappings } from "../subjects/mapping.js";
import { hasBlank, isValidLiteral, isValidSubject } from "../subjects/validity.js";
import { decodeUsers } from "./decode-authorization.js";
import {
  type At,
  attempt,
  type Decoder,
  type Decoding,
  decodeList,
  decodeMap,
  define,
  mapOf,
  type Values,
} from "./decode-block.js";
import { Rejection } from "./decode-errors.js";
import { isPublicNkey } from "./decode-nkey.js";
import { expected, percentOf, textOf, typeName } from "./decode-values.js";
import type { ConfigNode } from "./syntax.js";

const GLOBAL_ACCOUNT = "$G";

/** A map of accounts, or a list of their names. Any other value is passed over, as in the reference. */
export const decodeAccounts: Decoder<Values> = (decoding, node, at) => {
  const accounts: Values = {};
  const reserve = (name: string, nameAt: At) => {
    if (name === GLOBAL_ACCOUNT) throw new Rejection(nameAt.position, `"${name}" is a Reserved Account`);
    if (Object.hasOwn(accounts, name)) throw new Rejection(nameAt.position, `Duplicate Account Entry: ${name}`);
  };
  if (node.kind === "list") {
    decodeList(decoding, node, at, (item, itemAt) => {
      const name = textOf(item, itemAt);
      reserve(name, itemAt);
      define(accounts, name, {});
    });
  } else if (node.kind === "map") {
    for (const entry of node.entries.values()) {
      if (entry.usedAsVariable) continue;
      const accountAt = { position: entry.keyPosition, key: entry.key, path: `${at.path}.${entry.key}` };
      decoding.positions.set(accountAt.path, accountAt.position);
      attempt(decoding, () => {
        const map = entry.value;
        if (map.kind !== "map") throw new Rejection(accountAt.position, "Expected map entries for accounts");
        reserve(entry.key, accountAt);
        define(accounts, entry.key, decodeMap(decoding, map, account, accountAt.path, { options: ACCOUNT_DECODERS }));
      });
    }
  }
  return accounts;
};

const decodeAccountNkey: Decoder = (_, node, at) => {
  if (node.kind === "string" && isPublicNkey(node.value, "account")) return node.value;
  throw new Rejection(at.position, `Not a valid public nkey for an account: ${typeName(node)}`);
};

const decodeExports: Decoder = (decoding, node, at) => {
  if (node.kind !== "list") {
    throw new Rejection(at.position, `Exports should be an array, got ${typeName(node)}`);
  }
  return decodeList(decoding, node, at, (item, itemAt) => decodeExport(decoding, item, itemAt));
};

function decodeExport(decoding: Decoding, node: ConfigNode, at: At): Values {
  if (node.kind !== "map") {
    throw new Rejection(at.position, `Export Items should be a map with type entry, got ${typeName(node)}`);
  }
  const values = decodeMap(decoding, node, exported, at.path, {
    options: { responseType: decodeResponseType, latency: decodeLatency },
  });
  const { stream, service } = values;
  const refuse = (option: string, message: string): never => {
    throw new Rejection(decoding.positions.get(`${at.path}.${option}`) ?? at.position, message);
  };
  for (const [option, keys, what] of ONCE) {
    const given = [...node.entries.keys()].filter((key) => keys.test(key));
    if (given.length > 1) refuse(option, `Duplicate response ${what} definition: ${given.join(", ")}`);
  }
  if (stream !== undefined && service !== undefined) {
    refuse("service", `Detected service "${service}" but already saw a stream`);
  }
  if (stream !== undefined) {
    for (const [option, what] of SERVICE_ONLY) {
      if (values[option] !== undefined) refuse(option, `Detected ${what} directive on non-service`);
    }
  }
  return values;
}

const ONCE = [
  ["responseType", /^response(_type)?$/i, "type"],
  ["thresholdMs", /^(threshold|response_(threshold|max_time|time))$/i, "threshold"],
] as const;

const SERVICE_ONLY = [
  ["responseType", "response"],
  ["thresholdMs", "response"],
  ["latency", "latency"],
  ["allowTrace", "allow_trace"],
];

const RESPONSE_TYPES: Record<string, string> = {
  single: "Singleton",
  singleton: "Singleton",
  stream: "Stream",
  chunk: "Chunked",
  chunked: "Chunked",
};

const decodeResponseType: Decoder = (_, node, at) => {
  const word = textOf(node, at);
  const type = Object.hasOwn(RESPONSE_TYPES, word.toLowerCase()) ? RESPONSE_TYPES[word.toLowerCase()] : undefined;
  if (type === undefined) throw new Rejection(at.position, `Unknown response type: "${word}"`);
  return type;
};

const decodeLatency: Decoder = (decoding, node, at) => {
  if (node.kind === "string") return { subject: node.value };
  if (node.kind !== "map") {
    throw new Rejection(at.position, `Expected latency entry to be a map/struct or string, got ${typeName(node)}`);
  }
  const values = decodeMap(decoding, node, latency, at.path, {
    options: {
      sampling: (_, value, keyAt) => {
        if (value.kind === "string" && value.value.trim().toLowerCase() === "headers") return 0;
        const percent = percentOf(value);
        if (percent === undefined) throw expected(keyAt, 'a percentage or "headers"', value);
        if (percent >= 1 && percent <= 100) return percent;
        throw new Rejection(keyAt.position, `bad sampling percentage ${percent}, should be 1-100`);
      },
    },
    unknown: null,
    exactCase: true,
  });
  if (!node.entries.has("subject")) throw new Rejection(at.position, "Latency subject required, but missing");
  return values;
};

const decodeImports: Decoder = (decoding, node, at) => {
  if (node.kind !== "list") {
    throw new Rejection(at.position, `Imports should be an array, got ${typeName(node)}`);
  }
  return decodeList(decoding, node, at, (item, itemAt) => decodeImport(decoding, item, itemAt));
};

function decodeImport(decoding: Decoding, node: ConfigNode, at: At): Values {
  if (node.kind !== "map") {
    throw new Rejection(at.position, `Import Items should be a map with type entry, got ${typeName(node)}`);
  }
  const values = decodeMap(decoding, node, imported, at.path, {
    options: { stream: decodeImportSource, service: decodeImportSource },
  });
  const refuse = (option: string, message: string): never => {
    throw new Rejection(decoding.positions.get(`${at.path}.${option}`) ?? at.position, message);
  };
  if (values.stream !== undefined && values.service !== undefined) {
    refuse("service", "Detected service but already saw a stream");
  }
  if (values.service !== undefined && values.allowTrace !== undefined) {
    refuse("allowTrace", "Detected allow_trace directive on a non-stream");
  }
  if (values.stream !== undefined && values.prefix && values.to) {
    refuse("to", "Stream import can not have a 'prefix' and a 'to' property");
  }
  return values;
}

const decodeImportSource: Decoder = (decoding, node, at) => {
  if (node.kind !== "map") {
    throw new Rejection(at.position, `${at.key} entry should be an account map, got ${typeName(node)}`);
  }
  const before = decoding.errors.length;
  const source = decodeMap(decoding, node, importSource, at.path);
  if (decoding.errors.length === before && !(source.account && source.subject)) {
    throw new Rejection(at.position, "Expect an account name and a subject");
  }
  return source;
};

const decodeLimits: Decoder = (decoding, node, at) => {
  if (node.kind !== "map") {
    throw new Rejection(at.position, `Expected account limits to be a map/struct, got ${typeName(node)}`);
  }
  return decodeMap(decoding, node, accountLimits, at.path, {
    unknown: (key) => `Unknown field "${key}" parsing account limits`,
  });
};

/** true, false, enabled, disabled or a map; undefined when it is off. */
const decodeAccountJetStream: Decoder = (decoding, node, at) => {
  if (node.kind === "map") {
    return decodeMap(decoding, node, accountJetStream, at.path, {
      options: {
        clusterTraffic: (_, value, keyAt) => {
          const traffic = value.kind === "string" ? value.value || "system" : undefined;
          if (traffic === "system" || traffic === "owner") return traffic;
          throw expected(keyAt, "'system' or 'owner'", value);
        },
      },
    });
  }
  return switchOf(node, at) ? {} : undefined;
};

/** The short forms of a jetstream block. */
export function switchOf(node: ConfigNode, at: At): boolean {
  if (node.kind === "boolean") return node.value;
  if (node.kind !== "string") {
    throw new Rejection(at.position, `Expected map, bool or string to define JetStream, got ${typeName(node)}`);
  }
  const word = node.value.toLowerCase();
  if (word === "enabled" || word === "enable") return true;
  if (word === "disabled" || word === "disable") return false;
  throw new Rejection(
    at.position,
    `Expected 'enabled' or 'disabled' for string value of ${at.key}, got '${node.value}'`,
  );
}

const decodeMsgTrace: Decoder = (decoding, node, at) => {
  const destination: Decoder = (_, value, keyAt) => {
    const subject = textOf(value, keyAt);
    if (isValidLiteral(subject) && !hasBlank(subject)) return subject;
    throw new Rejection(keyAt.position, `Trace destination "${subject}" is not valid`);
  };
  if (node.kind === "string") return { destination: destination(decoding, node, at) };
  if (node.kind !== "map") {
    const wanted = "to be a string or a map/struct";
    throw new Rejection(at.position, `Expected account message trace "${at.key}" ${wanted}, got ${typeName(node)}`);
  }
  const values = decodeMap(decoding, node, msgTrace, at.path, {
    options: {
      destination,
      sampling: (_, value, keyAt) => {
        const percent = percentOf(value);
        if (percent === undefined) throw expected(keyAt, "an integer or a percentage", value);
        if (percent >= 1 && percent <= 100) return percent;
        const message = `Trace destination sampling value ${percent} is invalid, needs to be [1..100]`;
        throw new Rejection(keyAt.position, message);
      },
    },
    unknown: (key) => `Unknown field "${key}" parsing account message trace map/struct "${at.key}"`,
  });
  if (values.sampling !== undefined && !values.destination) {
    const message = "Trace destination sampling ignored since no destination was set";
    decoding.warnings.push({ message, position: at.position });
    return undefined;
  }
  return values;
};

/** Subject mappings: "to", { dest, weight, cluster }, or a list of those, by source. */
export const decodeMappings: Decoder<Values> = (decoding, node, at) => {
  const mappings: Values = {};
  for (const entry of mapOf(node, at).entries.values()) {
    const entryAt = { position: entry.keyPosition, key: entry.key, path: `${at.path}.${entry.key}` };
    attempt(decoding, () => {
      if (!isValidSubject(entry.key) || hasBlank(entry.key)) {
        throw new Rejection(entryAt.position, `Subject "${entry.key}" is not a valid subject`);
      }
      const before = decoding.errors.length;
      const destinations = decodeDestinations(decoding, entry.value, entryAt);
      if (decoding.errors.length > before) return;
      checkMapping(entry.key, destinations, entryAt);
      define(mappings, entry.key, destinations);
    });
  }
  return mappings;
};

interface Destination {
  destination: string;
  weight: number;
  cluster?: string;
}

function decodeDestinations(decoding: Decoding, node: ConfigNode, at: At): Destination[] {
  if (node.kind === "string") return [{ destination: node.value, weight: 100 }];
  if (node.kind === "list") {
    return decodeList(decoding, node, at, (item, itemAt) => decodeDestination(decoding, item, itemAt));
  }
  return [decodeDestination(decoding, node, at)];
}

function decodeDestination(decoding: Decoding, node: ConfigNode, at: At): Destination {
  if (node.kind !== "map") throw new Rejection(at.position, "Expected an entry for the mapping destination");
  const before = decoding.errors.length;
  const values = decodeMap(decoding, node, mapDestination, at.path, {
    options: {
      weight: (_, value, keyAt) => {
        const weight = percentOf(value);
        if (weight !== undefined && weight >= 0 && weight <= 100) return weight;
        const shown = weight ?? (value.kind === "string" ? `"${value.value}"` : typeName(value));
        throw new Rejection(keyAt.position, `Invalid weight ${shown} for mapping destination`);
      },
    },
    unknown: (key) => `Unknown field "${key}" for mapping destination`,
    noVariables: true,
  });
  if (values.weight === undefined && decoding.errors.length === before) {
    const shown = values.destination ?? "";
    throw new Rejection(at.position, `Missing weight for mapping destination "${shown}"`);
  }
  return { destination: "", ...values } as Destination;
}

function checkMapping(source: string, destinations: readonly Destination[], at: At): void {
  const encoded = destinations.map((to) => ({ ...to, destination: encodeSubject(to.destination) }));
  try {
    new SubjectMappings({ [encodeSubject(source)]: encoded });
  } catch (error) {
    if (!(error instanceof MappingError)) throw error;
    throw new Rejection(at.position, error.message);
  }
}

const ACCOUNT_DECODERS = {
  nkey: decodeAccountNkey,
  users: decodeUsers,
  imports: decodeImports,
  exports: decodeExports,
  jetstream: decodeAccountJetStream,
  limits: decodeLimits,
  mappings: decodeMappings,
  msgTrace: decodeMsgTrace,
};
