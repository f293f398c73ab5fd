import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandWorld } from "../../test/support/command-run.js";
import { type Call, CommandError, type CommandGroup } from "./subcommand.js";

const group: CommandGroup = {
  word: "zoo",
  summary: "Keeps animals.",
  options: { dir: { value: "FOLDER", help: "The zoo" } },
  commands: [
    {
      words: "cage add",
      operands: ["NAME", "[SIZE]"],
      summary: "Adds a cage.",
      options: { door: { value: "KIND", many: true, help: "A door" }, wide: { help: "Wider" } },
      run: (call: Call) => ({
        text: `${call.operands.join("+")}\n`,
        data: {
          operands: call.operands,
          door: call.texts("door"),
          wide: call.flag("wide"),
          dir: call.text("dir"),
        },
      }),
    },
    {
      words: "cage add lock",
      operands: ["[CAGE...]"],
      summary: "Adds a lock.",
      options: {},
      run: (call: Call) => ({ text: `locked ${call.operands.join(" ")}\n`, data: call.operands, exitCode: 3 }),
    },
    {
      words: "fail",
      operands: [],
      summary: "Fails.",
      options: { how: { value: "HOW", help: "plain or coded" } },
      run: (call: Call) => {
        if (call.text("how") === "plain") throw new TypeError("a fault of the program");
        throw new CommandError("COMMAND_UNKNOWN", "no such animal");
      },
    },
  ],
};

const run = (...argv: string[]) => new CommandWorld().run(group, argv);

test("words, operands and options are read, the command with the most words wins", async () => {
  assert.deepEqual(await run("cage", "add", "a", "--wide", "2"), { code: 0, out: "a+2\n", err: "" });
  const { out } = await run("cage", "add", "a", "--door=x", "--door", "y", "--dir", "d", "--json");
  assert.deepEqual(JSON.parse(out), { operands: ["a"], door: ["x", "y"], wide: false, dir: "d" });
  assert.deepEqual(await run("cage", "add", "lock", "a", "b", "c"), { code: 3, out: "locked a b c\n", err: "" });
});

test("what makes no command ends with 2 and says how to go on", async () => {
  const cases: [string[], RegExp][] = [
    [["cage", "ad"], /^natsnode zoo: no command "cage ad", did you mean "cage add"\?\nTry: natsnode zoo --help\n$/],
    [["cage", "demolish"], /no command "cage demolish"; there is cage add, cage add lock\n/],
    [["cage", "add"], /^natsnode zoo cage add: NAME missing\nTry: natsnode zoo cage add --help\n$/],
    [["cage", "add", "a", "b", "c"], /unexpected "c"/],
    [["cage", "add", "a", "--dor", "x"], /no option --dor, did you mean --door\?/],
    [["cage", "add", "a", "--qqqqqq"], /no option --qqqqqq\n/],
    [["cage", "add", "a", "--door"], /argument missing/],
  ];
  for (const [argv, message] of cases) {
    const { code, out, err } = await run(...argv);
    assert.deepEqual([code, out], [2, ""], argv.join(" "));
    assert.match(err, message);
  }
});

test("a command that fails ends with 1, in JSON with the error's code", async () => {
  assert.deepEqual(await run("fail"), { code: 1, out: "", err: "natsnode zoo fail: no such animal\n" });
  const { code, err } = await run("fail", "--json");
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(err), { error: { code: "COMMAND_UNKNOWN", message: "no such animal" } });
  await assert.rejects(run("fail", "--how", "plain"), TypeError);
});

test("help shows the commands, and of one its options", async () => {
  for (const argv of [[], ["help"], ["--help"], ["-h"]]) {
    const { code, out, err } = await run(...argv);
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /^Usage: natsnode zoo COMMAND \[options\]\n\nKeeps animals\.\n/);
    assert.match(out, /^ {2}cage add NAME \[SIZE\] +Adds a cage\.$/m);
    assert.match(out, /^ {2}--dir FOLDER +The zoo$/m);
  }
  const { out } = await run("cage", "add", "--help");
  assert.match(out, /^Usage: natsnode zoo cage add NAME \[SIZE\] \[options\]\n/);
  assert.match(out, /^ {2}--door KIND +A door \(may be repeated\)$/m);
});
