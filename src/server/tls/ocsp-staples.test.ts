import assert from "node:assert/strict";
import { test } from "node:test";
import { CertificateAuthority } from "../../../test/support/certificates.js";
import { LinesLogger } from "../../../test/support/local-server.js";
import type { Network } from "../../runtime/network.js";
import { simulatedRuntime } from "../../runtime/simulated/index.js";
import type { TlsSettings } from "../../runtime/tls.js";
import { OcspStaples } from "./ocsp-staples.js";

const HOUR_MS = 3_600_000;

/** Staples of one certificate in virtual time; `answer` is what the authority says, undefined: it cannot be reached. */
function stapled() {
  const { clock, ...rest } = simulatedRuntime({ seed: 1 });
  const authority = new CertificateAuthority();
  const made = authority.issue({ dns: ["localhost"], ocspUrl: "http://127.0.0.1:1/ocsp", mustStaple: true });
  const world = {
    answer: "good" as "good" | "revoked" | undefined,
    revoked: 0,
    waits: undefined as Promise<void> | undefined,
  };
  const fetchText = async (url: string) => {
    const question = Buffer.from(decodeURIComponent(url.slice(url.lastIndexOf("/") + 1)), "base64");
    await world.waits;
    if (world.answer === undefined) throw new Error("not reachable");
    const now = clock.nowMs();
    const times = { thisUpdateMs: now, nextUpdateMs: now + HOUR_MS };
    return { status: 200, statusText: "OK", body: "", bytes: authority.answerOcsp(question, world.answer, times) };
  };
  const settings: TlsSettings = {
    pairs: [{ certificate: made.certificate, key: made.key }],
    authorities: authority.certificate,
    verify: false,
    minVersion: "1.2",
    cipherSuites: undefined,
    curves: undefined,
  };
  const runtime = { ...rest, clock, network: Object.assign(Object.create(rest.network), { fetchText }) as Network };
  const revoked = (): void => void world.revoked++;
  const options = { mode: "always", url: undefined, urls: [] } as const;
  const staples = new OcspStaples(settings, options, { runtime, logger: new LinesLogger(), revoked });
  return { staples, clock, world, shown: () => staples.for(made.der) !== undefined };
}

test("an answer is shown until it ends, and again when there is a new one", async () => {
  const { staples, clock, world, shown } = stapled();
  assert.equal(shown(), false);
  await clock.settle(staples.start());
  assert.equal(shown(), true);
  world.answer = undefined;
  await clock.advance(HOUR_MS - 1000);
  assert.equal(shown(), true);
  await clock.advance(2000);
  assert.equal(shown(), false);
  world.answer = "good";
  await clock.advance(61_000);
  assert.equal(shown(), true);
  staples.stop();
});

test("what becomes of a certificate that has been replaced ends no server", async () => {
  const { staples, world, clock } = stapled();
  let answer = (): void => {};
  world.answer = "revoked";
  world.waits = new Promise((resolve) => {
    answer = resolve;
  });
  const started = staples.start();
  staples.stop();
  answer();
  await clock.settle(started);
  assert.deepEqual([world.revoked, clock.pendingTimers], [0, 0]);
  await clock.settle(staples.start());
  assert.equal(world.revoked, 0);

  const other = stapled();
  other.world.answer = "revoked";
  await other.clock.settle(other.staples.start());
  assert.equal(other.world.revoked, 1);
  other.staples.stop();
});
