import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { firstHeader, headerLines, isSampledTraceParent, readHeaders, withHeader } from "./header-block.js";

test("lines stand without their ends", () => {
  assert.deepEqual(headerLines(""), []);
  assert.deepEqual(headerLines("NATS/1.0 503\r\n\r\n"), ["NATS/1.0 503"]);
  assert.deepEqual(headerLines("NATS/1.0\r\nA: b\r\n\r\n"), ["NATS/1.0", "A: b"]);
});

test("a header takes the place of all of its name, at the end", () => {
  assert.equal(withHeader("", "A", "b"), "NATS/1.0\r\nA: b\r\n\r\n");
  assert.equal(withHeader("NATS/1.0\r\nA: 1\r\nB: 2\r\nA:3\r\n\r\n", "A", "4"), "NATS/1.0\r\nB: 2\r\nA: 4\r\n\r\n");
  assert.equal(withHeader("NATS/1.0\r\na: 1\r\nAB: 2\r\n\r\n", "A", "4"), "NATS/1.0\r\na: 1\r\nAB: 2\r\nA: 4\r\n\r\n");
});

test("headers are read as written, without blanks around values and without empty ones", () => {
  const block = "NATS/1.0\r\nZ: 1\r\nB: \t two words \r\nZ:2\r\na:\r\n: x\r\nno colon\r\nC: d: e\r\n\r\n";
  assert.deepEqual(
    [...readHeaders(block)],
    [
      ["Z", ["1", "2"]],
      ["B", ["two words"]],
      ["C", ["d: e"]],
    ],
  );
});

test("a block that was cut has the headers that are whole", () => {
  assert.deepEqual([...readHeaders("NATS/1.0\r\nA: b\r\nC: d")], [["A", ["b"]]]);
  assert.deepEqual([...readHeaders("NATS/1.0\r\nA: b\r")], []);
  assert.deepEqual([...readHeaders("NATS/1.0")], []);
});

test("the first header of a name is found as among all of them", () => {
  const part = fc.constantFrom("A", "AB", ":", " ", "\t", "\r\n", "\r", "x", "A:", "\r\nA: ");
  const text = fc.array(part, { maxLength: 12 }).map((parts) => `NATS/1.0${parts.join("")}`);
  fc.assert(
    fc.property(text, (block) => {
      assert.equal(firstHeader(block, "A"), readHeaders(block, true).get("A")?.[0]);
    }),
    { numRuns: 2000 },
  );
});

test("long runs of blanks and line ends take no time", () => {
  const started = process.cpuUsage();
  readHeaders(`NATS/1.0\r\nA: b${" ".repeat(200_000)}c\r\n\r\n`);
  headerLines(`NATS/1.0${"\r\n".repeat(100_000)}A`);
  const { user, system } = process.cpuUsage(started);
  assert.ok(user + system < 1_000_000, `${(user + system) / 1000} ms`);
});

test("a trace parent is sampled by the lowest bit of its flags", () => {
  const sampled = (flags: string): boolean => isSampledTraceParent(`00-4bf92f3577b34da6-00f067aa0ba902b7-${flags}`);
  assert.deepEqual(["01", "03", "7f", "0F", "+1"].map(sampled), [true, true, true, true, true]);
  assert.deepEqual(["00", "02", "81", "1", "001", "0g", ""].map(sampled), Array(7).fill(false));
  assert.equal(isSampledTraceParent("00-a-01"), false);
});
