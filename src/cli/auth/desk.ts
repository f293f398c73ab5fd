// What the commands of `natsnode auth` work with: the folder, who signs, and how they answer.
import { join } from "node:path";
import type { Call, CommandOptions } from "../subcommand.js";
import { Issuer } from "./issuer.js";
import type { KeyPair } from "./key-pair.js";
import { AuthStore, type Entity } from "./store.js";
import { dateText } from "./values.js";

const DEFAULT_FOLDER = "nats-auth";

export const FOLDER_OPTIONS: CommandOptions = {
  dir: { value: "FOLDER", help: `Folder of JWTs and keys (default: ./${DEFAULT_FOLDER})` },
};

export const SHOW_SEED: CommandOptions = {
  "show-seed": { help: "Show the seed too; it is a secret" },
};

export interface Desk {
  readonly store: AuthStore;
  readonly issuer: Issuer;
}

export function deskOf(call: Call): Desk {
  const { disk, clock } = call.runtime;
  const store = new AuthStore(call.text("dir") ?? join(".", DEFAULT_FOLDER), disk, call.host);
  return { store, issuer: new Issuer(store, clock) };
}

/** The JWT as data; the seed of its key with `--show-seed`. */
export function entityData({ store }: Desk, call: Call, { name, token, claims }: Entity): Record<string, unknown> {
  const { subject, issuer, issuedAt, expires, nats } = claims;
  const seed = call.flag("show-seed") ? store.key(subject)?.seed : undefined;
  return { name, publicKey: subject, issuer, issuedAt, expires: expires || undefined, nats, jwt: token, seed };
}

/** The JWT for people: its claims as indented lines. */
export function entityText(desk: Desk, call: Call, kind: string, entity: Entity): string {
  const { jwt: _, nats, name, issuedAt, expires, ...rest } = entityData(desk, call, entity);
  const { type: _type, version: _version, ...claims } = nats as Record<string, unknown>;
  const times = {
    issued: dateText(issuedAt as number),
    expires: expires === undefined ? "never" : dateText(expires as number),
  };
  return `${kind} ${name}\n${linesOf({ ...rest, ...times, ...claims }, "  ").join("")}`;
}

function linesOf(values: object, indent: string): string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (value === undefined || isEmpty(value)) return [];
    const label = key.replaceAll("_", " ");
    if (Array.isArray(value)) {
      return value.every((item) => typeof item !== "object")
        ? [`${indent}${label}: ${value.join(", ")}\n`]
        : [`${indent}${label}:\n`, ...value.flatMap((item) => itemLines(item, `${indent}  `))];
    }
    if (typeof value === "object") return [`${indent}${label}:\n`, ...linesOf(value, `${indent}  `)];
    return [`${indent}${label}: ${value === -1 ? "unlimited" : value}\n`];
  });
}

function itemLines(item: unknown, indent: string): string[] {
  if (typeof item !== "object" || item === null) return [`${indent}- ${item}\n`];
  const lines = linesOf(item, `${indent}  `);
  return lines.map((line, i) => (i === 0 ? `${indent}- ${line.trimStart()}` : line));
}

/** Whether there is nothing to show, such as permissions without a rule. */
function isEmpty(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((item) => item === undefined || isEmpty(item))
  );
}

/** The answer to a new key: where its seed is, and the seed itself with `--show-seed`. */
export function keyText(call: Call, pair: KeyPair, file: string): string {
  const seed = call.flag("show-seed") ? `  seed: ${pair.seed}\n` : "";
  return `  ${pair.publicKey}\n  seed in ${file}\n${seed}`;
}

export function keyData(call: Call, pair: KeyPair, file: string): object {
  return { publicKey: pair.publicKey, keyFile: file, seed: call.flag("show-seed") ? pair.seed : undefined };
}
