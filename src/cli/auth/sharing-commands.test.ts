import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "@nats-io/jwt";
import { worldWithOperator } from "../../../test/support/command-run.js";

test("exports and imports, private ones with an activation token", async () => {
  const world = await worldWithOperator("account add A", "account add B");
  const a = await world.shown("account show A");
  const b = await world.shown("account show B");
  await world.answer(..."export add A stream events.> --description all".split(" "));
  await world.answer(..."export add A service ask.* --private --response-type stream --response-time 5s".split(" "));
  assert.deepEqual((await world.shown("account show A")).nats.exports, [
    { name: "events.>", subject: "events.>", type: "stream", description: "all" },
    {
      name: "ask.*",
      subject: "ask.*",
      type: "service",
      token_req: true,
      response_type: "Stream",
      response_threshold: 5_000_000_000,
    },
  ]);
  await world.answer(..."import add B stream events.eu.> --from A --as eu.>".split(" "));
  await world.answer(..."import add B service ask.price --from A --share yes".split(" "));
  const imports = (await world.shown("account show B")).nats.imports as Record<string, unknown>[];
  const [stream, { token, ...service }] = imports;
  const common = { account: a.publicKey };
  const as = { local_subject: "eu.>" };
  assert.deepEqual(stream, { name: "events.eu.>", subject: "events.eu.>", ...common, type: "stream", ...as });
  assert.deepEqual(service, { name: "ask.price", subject: "ask.price", ...common, type: "service", share: true });
  const activation = decode<{ subject: string; kind: string; type: string }>(token as string);
  assert.deepEqual([activation.iss, activation.sub], [a.publicKey, b.publicKey]);
  const { subject, kind, type } = activation.nats;
  assert.deepEqual([subject, kind, type], ["ask.price", "service", "activation"]);
  const codes = [];
  for (const command of [
    "export add A stream events.>",
    "export add A stream x --response-type stream",
    "export add A query x",
    "export add A service a.b --account-token-position 1",
    "import add B stream other --from A",
    "import add B stream events.eu.> --from A",
    "import add A stream events.x --from A",
    "import add B stream events.x",
    "import add B stream events.x --from A --share yes",
    "export remove A service events.>",
  ]) {
    codes.push(await world.refused(command));
  }
  const [I, E, U, W] = ["COMMAND_INVALID", "COMMAND_EXISTS", "COMMAND_UNKNOWN", "COMMAND_USAGE"];
  assert.deepEqual(codes, [E, I, W, I, U, E, I, W, I, U]);
  await world.answer(..."import remove B service ask.price --from A".split(" "));
  await world.answer(..."export remove A service ask.*".split(" "));
  assert.equal(((await world.shown("account show B")).nats.imports as object[]).length, 1);
  assert.equal(((await world.shown("account show A")).nats.exports as object[]).length, 1);
});

test("an activation token in a file lets an account import from another folder", async () => {
  const world = await worldWithOperator("account add A", "export add A service ask --private");
  await world.answer("operator", "add", "OTHER", "--dir", "other");
  const b = await world.shown("account add B --dir other");
  const a = await world.shown("account show A");
  await world.answer("activation", "A", "service", "ask", "--for", b.publicKey, "--out", "ask.jwt");
  const from = ["--from", a.publicKey, "--token", "ask.jwt", "--dir", "other"];
  await world.answer("import", "add", "B", "service", "ask", ...from);
  const [{ token }] = (await world.shown("account show B --dir other")).nats.imports as { token: string }[];
  assert.equal(`${token}\n`, world.read("ask.jwt"));
  assert.equal(
    await world.refused(`import add B service x --from ${a.publicKey} --token nats-auth/operator.jwt --dir other`),
    "COMMAND_FILE",
  );
});
