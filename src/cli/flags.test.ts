// The table of flags against the table of options; aliases; secrets.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Block } from "../options/kinds.js";
import { serverTable } from "../options/table.js";
import { FLAG_GROUPS, flagNamed, flagOn, flagText, readCommandLine, redactArguments } from "./flags.js";

const allFlags = FLAG_GROUPS.flatMap((group) => group.flags);

test("every name is there once", () => {
  const names = allFlags.flatMap((flag) => flag.names);
  assert.equal(new Set(names).size, names.length);
});

test("a flag's option is in the table of options and has the flag's kind", () => {
  const kinds = { boolean: ["boolean"], integer: ["integer", "bytes"], string: ["text"] };
  for (const { names, option, kind } of allFlags) {
    if (option === undefined) continue;
    let block: Block = serverTable;
    for (const name of option.slice(0, -1)) {
      const outer = block[name].kind;
      assert.ok(outer.kind === "block", `${names[0]}: ${option}`);
      block = outer.block;
    }
    const found = block[option.at(-1)!];
    assert.ok(found !== undefined && kinds[kind].includes(found.kind.kind), `${names[0]}: ${option}`);
  }
});

test("aliases are one flag, and the last value of any counts", () => {
  const line = readCommandLine(["-p", "1", "--port=2", "-p=3", "--net", "a", "-a", "b", "word"]);
  assert.equal(line.flags.get(flagNamed("port")), 3);
  assert.equal(flagText(line, "addr"), "b");
  assert.deepEqual(line.words, ["word"]);
});

test("a flag that was not given has no value", () => {
  const line = readCommandLine(["-D=false"]);
  assert.equal(flagOn(line, "debug"), false);
  assert.equal(flagOn(line, "trace"), undefined);
  assert.equal(flagText(line, "config"), undefined);
});

test("secrets among the arguments are hidden", () => {
  const shown = redactArguments([...["--user", "u", "-pass=p=q", "--auth", "-x", "-p", "1", "--user"]]);
  assert.deepEqual(shown, ["--user", "[REDACTED]", "-pass=[REDACTED]", "--auth", "[REDACTED]", "-p", "1", "--user"]);
  assert.deepEqual(
    redactArguments(["--routes", "nats://a:b@h:1, nats://c@h:2,nats://h:3", "--cluster=nats://u:p@h:-1"]),
    ["--routes", "nats://[REDACTED]@h:1, nats://[REDACTED]@h:2,nats://h:3", "--cluster=nats://[REDACTED]@h:-1"],
  );
});
