import assert from "node:assert/strict";
import { test } from "node:test";
import { LinesLogger } from "../../../test/support/local-server.js";
import type { OcspAnswer } from "../../auth/certificates/ocsp.js";
import { simulatedRuntime } from "../../runtime/simulated/index.js";
import { OcspCache, type OcspCacheOptions } from "./ocsp-cache.js";

const DER = Buffer.from("an answer, an answer, an answer");
const revoked: OcspAnswer = { status: "revoked", thisUpdateMs: 0, nextUpdateMs: undefined };
const good: OcspAnswer = { ...revoked, status: "good", nextUpdateMs: 1_800_000_000_000 };

function world() {
  const { clock, disk } = simulatedRuntime({ seed: 1 });
  const logger = new LinesLogger();
  const runtime = { clock, disk };
  const started = (options: OcspCacheOptions = {}): OcspCache => {
    const cache = new OcspCache({ localStore: "/kept", ...options }, { runtime, logger });
    cache.start();
    return cache;
  };
  return { clock, disk, logger, started };
}

test("what has changed is saved from time to time, and read again at the start", async () => {
  const { clock, disk, started } = world();
  const cache = started({ saveIntervalMs: 1000 });
  assert.equal(cache.get("K"), undefined);
  cache.put("K", "CN=k", DER, good);
  cache.put("R", "CN=r", DER, revoked);
  assert.equal(disk.statSync("/kept/cache.json"), undefined);
  await clock.advance(1500);
  const text = disk.readSync("/kept/cache.json").toString();
  const { K, R } = JSON.parse(text) as Record<string, Record<string, string>>;
  assert.deepEqual([K["subject"], K["resp_status"], K["resp_expires"]], ["CN=k", "good", "2027-01-15T08:00:00Z"]);
  assert.deepEqual([R["resp_status"], R["resp_expires"]], ["revoked", "0001-01-01T00:00:00Z"]);

  await clock.settle(cache.close());
  assert.equal(clock.pendingTimers, 0);
  const again = started();
  assert.deepEqual(again.status(), { hits: 0, misses: 0, responses: { good: 1, revoked: 1, unknown: 0 } });
  assert.deepEqual([again.get("K"), again.get("R")], [DER, DER]);
  again.put("L", "", DER, good);
  await clock.settle(again.close());
  assert.deepEqual(started().get("L"), DER);
});

test("what was of no use counts as a miss, and only revocations can be preserved", () => {
  for (const preserveRevoked of [false, true]) {
    const cache = world().started({ preserveRevoked });
    cache.put("K", "CN=k", DER, good);
    cache.put("R", "CN=r", DER, revoked);
    for (const key of ["K", "R"]) {
      assert.deepEqual(cache.get(key), DER);
      cache.drop(key);
    }
    const left = { good: 0, revoked: preserveRevoked ? 1 : 0, unknown: 0 };
    assert.deepEqual(cache.status(), { hits: 0, misses: 2, responses: left });
    cache.drop("nobody");
    assert.equal(cache.status().misses, 2);
  }
});

test("a file that is broken counts as empty, and is replaced by the next", async () => {
  const { clock, disk, logger, started } = world();
  disk.makeDirectorySync("/kept");
  const entry = { cached_at: "", resp_status: "good", resp_expires: "" };
  for (const text of [
    "",
    "[",
    '{"K":1}',
    JSON.stringify({ K: { ...entry, resp: "AAAA" } }),
    JSON.stringify({ K: entry }),
  ]) {
    disk.writeSync("/kept/cache.json", text);
    logger.lines.length = 0;
    const cache = started();
    assert.equal(cache.get("K"), undefined, text);
    assert.equal(logger.matching(/^warn Unable to load OCSP peer cache: /).length, 1, text);
    cache.put("K", "CN=k", DER, good);
    await clock.settle(cache.close());
    assert.deepEqual(started().get("K"), DER);
  }
});

test("what cannot be saved is said, and saved as soon as it can be", async () => {
  const { clock, disk, logger, started } = world();
  disk.writeSync("/kept", "no folder");
  const cache = started({ saveIntervalMs: 1000 });
  cache.put("K", "CN=k", DER, good);
  await clock.advance(1500);
  assert.equal(logger.matching(/^error Unable to save OCSP peer cache: /).length, 1);
  disk.removeSync("/kept");
  await clock.advance(1500);
  assert.ok(disk.statSync("/kept/cache.json"));
  assert.equal(logger.matching(/^error /).length, 1);
  await clock.settle(cache.close());
});
