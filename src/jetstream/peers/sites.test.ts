import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../errors.js";
import { readNewStream, type Site, siteFor } from "./sites.js";

const site = (name: string, more: Partial<Site> = {}): Site => ({
  id: `id of ${name}`,
  name,
  cluster: name[0],
  ready: true,
  revision: 0,
  others: [],
  tags: [],
  streams: 0,
  memory: 1000,
  file: 1000,
  ...more,
});

const wanted = { cluster: "", tags: [], isMemory: false, subjects: [], maxBytes: 0 };
const chosen = (...args: Parameters<typeof siteFor>): string => siteFor(...args).name;

test("a stream is made where its client is connected", () => {
  assert.equal(chosen(wanted, "id of A2", [site("A1"), site("A2", { streams: 9 })]), "A2");
});

test("where that server cannot have it, the one with the fewest streams has, in its cluster first", () => {
  const sites = [site("A1", { file: 10 }), site("A2", { streams: 5 }), site("A3", { streams: 4 }), site("B1")];
  assert.equal(chosen({ ...wanted, maxBytes: 11 }, "id of A1", sites), "A3");
  assert.equal(chosen({ ...wanted, maxBytes: 11, isMemory: true }, "id of A1", sites), "A1");
  assert.equal(chosen(wanted, "id of one without JetStream", sites), "A1");
});

test("a placement names cluster and tags", () => {
  const sites = [site("A1", { tags: ["ssd"] }), site("B1", { tags: ["ssd", "big"] }), site("B2")];
  assert.equal(chosen({ ...wanted, cluster: "B" }, "id of A1", sites), "B1");
  assert.equal(chosen({ ...wanted, tags: ["ssd", "big"] }, "id of A1", sites), "B1");
  const refusal = (more: object): unknown => {
    try {
      return siteFor({ ...wanted, ...more }, "id of A1", sites);
    } catch (error) {
      assert.ok(error instanceof ApiError);
      return error.message;
    }
  };
  assert.equal(refusal({ cluster: "C" }), "no suitable peers for placement");
  assert.equal(refusal({ tags: ["x"] }), "no suitable peers for placement, tags not matched ['x']");
  assert.equal(refusal({ maxBytes: 1001 }), "no suitable peers for placement, insufficient storage");
});

test("what a request says of placement is read, or left to whoever refuses it", () => {
  const text = '{"name":"S","storage":"memory","max_bytes":7,"placement":{"cluster":"C","tags":["SSD"]}}';
  const read = { cluster: "C", tags: ["ssd"], isMemory: true, maxBytes: 7, subjects: ["S"] };
  assert.deepEqual(readNewStream(Buffer.from(text)), read);
  assert.deepEqual(readNewStream(Buffer.from(`{"config":${text},"state":{}}`)), read);
  const nothing = { cluster: "", tags: [], isMemory: false, maxBytes: 0, subjects: [] };
  assert.deepEqual(readNewStream(Buffer.from("{}")), nothing);
  const odd = { ...nothing, subjects: ["a.>"], isMemory: true };
  assert.deepEqual(readNewStream(Buffer.from('{"Name":"S","SUBJECTS":["a.>"],"Storage":"memory"}')), odd);
  assert.deepEqual(readNewStream(Buffer.from('{"name":"S","mirror":{"name":"O"}}')), nothing);
  for (const bad of ["", "x", '{"placement":{"tags":5}}']) assert.equal(readNewStream(Buffer.from(bad)), undefined);
});
