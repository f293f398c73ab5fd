import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { accountJwt, pairOf } from "../../../test/support/jwt-world.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../runtime/simulated/index.js";
import { JwtDirectory, type JwtDirectoryOptions } from "./jwt-directory.js";

const PATH = "/jwt";
const operator = pairOf("operator");
const [a, b, c] = [pairOf("account"), pairOf("account"), pairOf("account")];

interface Opened {
  readonly world: SimulatedRuntime;
  readonly directory: JwtDirectory;
  readonly heard: string[];
  run<T>(promise: Promise<T>): Promise<T>;
}

async function opened(
  options: Partial<JwtDirectoryOptions> = {},
  world = simulatedRuntime({ seed: 1 }),
): Promise<Opened> {
  const heard: string[] = [];
  const all = { path: PATH, limit: Number.POSITIVE_INFINITY, evicts: false, ttlMs: 0, deletion: "removes" as const };
  const directory = new JwtDirectory(
    { ...all, ...options },
    {
      disk: world.disk,
      clock: world.clock,
      changed: (account) => void heard.push(`changed ${account}`),
      deleted: (account) => void heard.push(`deleted ${account}`),
    },
  );
  const run = <T>(promise: Promise<T>): Promise<T> => world.clock.settle(promise);
  await run(directory.open());
  return { world, directory, heard, run };
}

const jwtOf = (account: typeof a, issuedAt = 1, expires?: number): string =>
  accountJwt(operator, account, {}, { issuedAt, expires });

test("what is saved is there, also when the directory is opened again", async () => {
  const { world, directory, heard, run } = await opened();
  const jwt = jwtOf(a);
  await run(directory.save(a.nkey, jwt));
  await run(directory.save(a.nkey, jwt));
  assert.deepEqual(heard, [`changed ${a.nkey}`], "the same again is no change");
  assert.equal(await run(directory.load(a.nkey)), jwt);
  assert.equal(await run(directory.load(b.nkey)), undefined);
  assert.equal(await run(directory.load("../x")), undefined);
  assert.deepEqual(world.disk.listSync(PATH), [`${a.nkey}.jwt`]);
  await run(directory.close());
  const again = await opened({}, world);
  assert.deepEqual(await again.run(again.directory.list()), [a.nkey]);
  assert.deepEqual(again.directory.hash, directory.hash);
});

test("the hash is that of all JWTs, in whatever order they came", async () => {
  const { directory, run } = await opened();
  assert.deepEqual(directory.hash, new Uint8Array(32));
  const [jwtA, jwtB] = [jwtOf(a), jwtOf(b)];
  await run(directory.save(a.nkey, jwtA));
  assert.deepEqual(Buffer.from(directory.hash), createHash("sha256").update(jwtA).digest());
  await run(directory.save(b.nkey, jwtB));
  const both = directory.hash;
  const other = await opened();
  await other.run(other.directory.save(b.nkey, jwtB));
  await other.run(other.directory.save(a.nkey, jwtOf(a, 5)));
  await other.run(other.directory.save(a.nkey, jwtA));
  assert.deepEqual(other.directory.hash, both);
  await run(directory.delete(b.nkey));
  assert.deepEqual(Buffer.from(directory.hash), createHash("sha256").update(jwtA).digest());
});

test("an older JWT does not replace a newer one", async () => {
  const { directory, run } = await opened();
  await run(directory.saveIfNewer(a.nkey, jwtOf(a, 10)));
  await run(directory.saveIfNewer(a.nkey, jwtOf(a, 9)));
  assert.equal(await run(directory.load(a.nkey)), jwtOf(a, 10));
  await run(directory.saveIfNewer(a.nkey, jwtOf(a, 11)));
  assert.equal(await run(directory.load(a.nkey)), jwtOf(a, 11));
  await assert.rejects(run(directory.saveIfNewer(b.nkey, jwtOf(a))), /do not match/);
  await assert.rejects(run(directory.saveIfNewer(a.nkey, "x")), { code: "JWT_FORMAT" });
});

test("a full directory refuses, one that evicts gives up what was not used for the longest time", async () => {
  const full = await opened({ limit: 2 });
  for (const one of [a, b]) await full.run(full.directory.save(one.nkey, jwtOf(one)));
  await assert.rejects(full.run(full.directory.save(c.nkey, jwtOf(c))), /jwt store is full/);
  await full.run(full.directory.save(a.nkey, jwtOf(a, 2)));
  const evicting = await opened({ limit: 2, evicts: true });
  for (const one of [a, b]) await evicting.run(evicting.directory.save(one.nkey, jwtOf(one)));
  await evicting.run(evicting.directory.load(a.nkey));
  await evicting.run(evicting.directory.save(c.nkey, jwtOf(c)));
  assert.deepEqual(await evicting.run(evicting.directory.list()), [a.nkey, c.nkey].sort());
});

test("JWTs go when they expire, or when nobody used them for the time to live", async () => {
  const { world, directory, run } = await opened();
  const endsAt = Math.floor(world.clock.nowMs() / 1000) + 90;
  await run(directory.save(a.nkey, jwtOf(a, 1, endsAt)));
  await run(directory.save(b.nkey, jwtOf(b)));
  await world.clock.advance(61_000);
  assert.equal(directory.size, 2);
  await world.clock.advance(60_000);
  assert.deepEqual(await run(directory.list()), [b.nkey]);
  const cached = await opened({ ttlMs: 10_000, evicts: true });
  for (const one of [a, b]) await cached.run(cached.directory.save(one.nkey, jwtOf(one)));
  await cached.world.clock.advance(6_000);
  await cached.run(cached.directory.load(a.nkey));
  await cached.world.clock.advance(9_500);
  assert.deepEqual(await cached.run(cached.directory.list()), [a.nkey]);
});

test("deleted files are removed, kept under another name, or not deleted", async () => {
  for (const [deletion, files] of [
    ["removes", []],
    ["renames", [`${a.nkey}.jwt.deleted`]],
  ] as const) {
    const { world, directory, heard, run } = await opened({ deletion });
    await run(directory.save(a.nkey, jwtOf(a)));
    await run(directory.delete(a.nkey));
    await run(directory.delete(b.nkey));
    assert.deepEqual(world.disk.listSync(PATH), files);
    assert.deepEqual(heard, [`changed ${a.nkey}`, `deleted ${a.nkey}`]);
    assert.equal(await run(directory.load(a.nkey)), undefined);
  }
  const refusing = await opened({ deletion: "refused" });
  await refusing.run(refusing.directory.save(a.nkey, jwtOf(a)));
  await assert.rejects(refusing.run(refusing.directory.delete(a.nkey)), /not set up/);
  assert.equal(refusing.directory.size, 1);
});

test("a crash in the middle of a change leaves the old JWT or the new one", async () => {
  for (const operation of ["write", "sync", "rename"] as const) {
    const { world, directory, run } = await opened();
    await run(directory.save(a.nkey, jwtOf(a, 1)));
    world.disk.fail({ operation, code: "EIO" });
    await assert.rejects(run(directory.save(a.nkey, jwtOf(a, 2))), { code: "EIO" });
    assert.equal(await run(directory.load(a.nkey)), jwtOf(a, 1));
    await run(directory.save(a.nkey, jwtOf(a, 2)));
    assert.equal(await run(directory.load(a.nkey)), jwtOf(a, 2));
  }
});
