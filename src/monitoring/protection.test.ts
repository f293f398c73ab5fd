import assert from "node:assert/strict";
import { test } from "node:test";
import { hashSync } from "bcryptjs";
import { testSecrets } from "../auth/test-secrets.js";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import type { HttpRequest, HttpResponse } from "../runtime/network.js";
import { simulatedRuntime } from "../runtime/simulated/index.js";
import { FailedLogins } from "../server/clients/failed-logins.js";
import { Protection } from "./protection.js";

const { clock } = simulatedRuntime({ seed: 1 });

type Given = NonNullable<ServerOptions["monitoringAuthorization"]>;

const settingsOf = (monitoringAuthorization?: Given) =>
  resolveOptions({ monitoringAuthorization }).monitoringAuthorization;

function protection(given?: Given): Protection {
  const settings = settingsOf(given);
  return new Protection(() => settings, testSecrets({ perSource: 16 }), new FailedLogins(clock));
}

const asking = (authorization?: string): Pick<HttpRequest, "headers" | "remoteAddress"> => {
  return { headers: { authorization }, remoteAddress: "10.0.0.1" };
};
const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
const status = async (answer: Promise<HttpResponse | undefined>): Promise<number> => (await answer)?.status ?? 200;

test("without settings everybody is let in", async () => {
  assert.equal(await protection().refusal(asking(undefined), false), undefined);
});

test("a user is let in with the password", async () => {
  const guard = protection({ user: "ops", password: "se:cret é" });
  assert.equal(await guard.refusal(asking(basic("ops:se:cret é")), false), undefined);
  assert.equal(await guard.refusal(asking(basic("ops:se:cret é").replace("Basic", "bASIC")), false), undefined);
  const wrong = ["ops:", "ops:secret", "op:se:cret é", ":se:cret é", "ops", ""];
  for (const said of wrong) assert.equal(await status(guard.refusal(asking(basic(said)), false)), 401, said);
  for (const header of [undefined, "", "Basic", "Bearer se:cret", "Digest x"]) {
    assert.equal(await status(guard.refusal(asking(header), false)), 401, header);
  }
  const refused = await guard.refusal(asking(undefined), false);
  assert.equal(refused?.headers?.["WWW-Authenticate"], 'Basic realm="NATS monitoring", charset="UTF-8"');
});

test("a token is a bearer's", async () => {
  const guard = protection({ token: "t0ken" });
  assert.equal(await guard.refusal(asking("Bearer t0ken"), false), undefined);
  assert.equal(await guard.refusal(asking("bearer   t0ken "), false), undefined);
  for (const header of ["Bearer t0ke", "Bearer", "t0ken", "Bearer t0ken more", basic("t0ken:t0ken")]) {
    assert.equal(await status(guard.refusal(asking(header), false)), 401, header);
  }
  const refused = await guard.refusal(asking("Bearer no"), false);
  assert.equal(refused?.headers?.["WWW-Authenticate"], 'Bearer realm="NATS monitoring"');
});

test("both may be offered", async () => {
  const guard = protection({ user: "ops", password: "p", token: "t" });
  assert.equal(await guard.refusal(asking("Bearer t"), false), undefined);
  assert.equal(await guard.refusal(asking(basic("ops:p")), false), undefined);
  const challenge = 'Basic realm="NATS monitoring", charset="UTF-8", Bearer realm="NATS monitoring"';
  assert.equal((await guard.refusal(asking(undefined), false))?.headers?.["WWW-Authenticate"], challenge);
});

test("health is told to all only where that is allowed", async () => {
  assert.equal(await status(protection({ token: "t" }).refusal(asking(undefined), true)), 401);
  const open = protection({ token: "t", allowHealthz: true });
  assert.equal(await open.refusal(asking(undefined), true), undefined);
  assert.equal(await status(open.refusal(asking(undefined), false)), 401);
});

test("hashes stand for their secrets, and what fitted once is known from then on", async () => {
  const guard = protection({ user: "ops", password: hashSync("p", 4), token: hashSync("t", 4) });
  assert.equal(await guard.refusal(asking(basic("ops:p")), false), undefined);
  assert.equal(await guard.refusal(asking("Bearer t"), false), undefined);
  assert.equal(await status(guard.refusal(asking(basic("ops:t")), false)), 401);
  assert.equal(await status(guard.refusal(asking(basic("other:p")), false)), 401);
  assert.equal(await status(guard.refusal(asking("Bearer p"), false)), 401);
});

test("a flood of wrong guesses at a hash is sent away, and shuts out nobody who is known", async () => {
  const guard = protection({ user: "ops", password: hashSync("p", 4) });
  assert.equal(await guard.refusal(asking(basic("ops:p")), false), undefined);
  const flood = Array.from({ length: 20 }, (_, at) => guard.refusal(asking(basic(`ops:${at}`)), false));
  assert.equal(await guard.refusal(asking(basic("ops:p")), false), undefined);
  const answers = await Promise.all(flood);
  const counted = (wanted: number): number => answers.filter((answer) => answer?.status === wanted).length;
  assert.deepEqual([counted(401), counted(503)], [17, 3]);
  assert.equal(answers[19]?.headers?.["Retry-After"], "1");
  assert.equal(await status(guard.refusal(asking(basic("ops:q")), false)), 401);
});

test("guesses are refused more and more slowly; who is right, and who has said nothing yet, waits for nothing", async () => {
  const guard = protection({ token: "t" });
  const tookMs = async (header?: string): Promise<number> => {
    const startedMs = clock.monotonicMs();
    await clock.settle(guard.refusal(asking(header), false));
    return clock.monotonicMs() - startedMs;
  };
  for (let guess = 0; guess < 20; guess++) assert.equal(await tookMs(`Bearer ${guess}`), 0);
  const slow = [await tookMs("Bearer a"), await tookMs("Bearer b"), await tookMs("Bearer c")];
  assert.deepEqual(slow, [100, 200, 400]);
  assert.deepEqual([await tookMs("Bearer t"), await tookMs()], [0, 0]);
});

test("other settings count at once, and what fitted the old ones no more", async () => {
  const hash = hashSync("p", 4);
  let settings = settingsOf({ user: "ops", password: hash });
  const guard = new Protection(() => settings, testSecrets({ perSource: 16 }), new FailedLogins(clock));
  assert.equal(await guard.refusal(asking(basic("ops:p")), false), undefined);
  settings = settingsOf({ user: "ops", password: "q" });
  assert.equal(await status(guard.refusal(asking(basic("ops:p")), false)), 401);
  assert.equal(await guard.refusal(asking(basic("ops:q")), false), undefined);
});
