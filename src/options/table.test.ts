import assert from "node:assert/strict";
import { test } from "node:test";
import type { Block, Kind } from "./kinds.js";
import { resolveOptions } from "./options.js";
import { optionsPage } from "./reference.js";
import { optionsSchema } from "./schema.js";
import { serverTable } from "./table.js";

function* blocksOf(kind: Kind, path: string): Generator<[string, Block]> {
  if (kind.kind === "block") {
    yield [path, kind.block];
    for (const [name, option] of Object.entries(kind.block)) yield* blocksOf(option.kind, `${path}.${name}`);
  } else if (kind.kind === "list" || kind.kind === "record") yield* blocksOf(kind.of, `${path}[]`);
}

const blocks = [...blocksOf({ kind: "block", block: serverTable }, "")];

test("no key or alias stands for two options of a block", () => {
  for (const [path, block] of blocks) {
    const keys = Object.values(block).flatMap(({ key, aliases = [], inFile }) =>
      inFile === false ? [] : [key, ...aliases],
    );
    assert.deepEqual(
      keys.filter((key, i) => keys.indexOf(key) < i),
      [],
      path,
    );
    assert.deepEqual(
      keys.filter((key) => key !== key.toLowerCase()),
      [],
      path,
    );
  }
});

test("a number's unit ends its name", () => {
  for (const [path, block] of blocks) {
    for (const [name, { kind }] of Object.entries(block)) {
      if (kind.kind === "duration") assert.match(name, /Ms$/, `${path}.${name}`);
      if (kind.kind === "bytes") assert.match(name, /Bytes$/, `${path}.${name}`);
    }
  }
});

test("every default is a value of its kind", () => {
  const full: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(serverTable)) {
    if (option.kind.kind === "block") full[name] = {};
  }
  const options = resolveOptions(full) as unknown as Record<string, unknown>;
  assert.equal(Object.keys(full).length > 10, true);
  for (const name of Object.keys(full)) assert.equal(typeof options[name], "object", name);
});

test("addresses set options of their block", () => {
  for (const [path, block] of blocks) {
    for (const { kind } of Object.values(block)) {
      if (kind.kind !== "address") continue;
      assert.equal(block[kind.host].kind.kind, "text", path);
      assert.equal(block[kind.port].kind.kind, "integer", path);
    }
  }
});

test("the reference page has every key and no dead link", () => {
  const page = optionsPage();
  for (const [path, block] of blocks) {
    for (const { key, aliases = [], inFile } of Object.values(block)) {
      if (inFile === false) continue;
      for (const name of [key, ...aliases]) assert.equal(page.includes(`\`${name}\``), true, `${path}: ${name}`);
    }
  }
  const titles = [...page.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
  const linked = new Set([...page.matchAll(/see \[([^\]]*(?:\[\])?[^\]]*)\]\(/g)].map(([, title]) => title));
  for (const title of linked) assert.equal(titles.includes(title), true, title);
  assert.equal(linked.size, titles.length - 1);
});

test("the schema has every option of the library", () => {
  const properties = optionsSchema().properties as Record<string, { type?: string; properties?: object }>;
  const names = Object.keys(serverTable).filter((name) => !["listen", "http", "https"].includes(name));
  assert.deepEqual(Object.keys(properties), names);
  assert.equal(properties.port.type, "integer");
  assert.equal(properties.pingIntervalMs.type, "number");
  assert.equal("routes" in properties.cluster.properties!, true);
});
