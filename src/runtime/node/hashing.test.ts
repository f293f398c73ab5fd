import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { hashSync } from "bcryptjs";
import { HashThreads } from "./hashing.js";

const HASH = hashSync("right", 4);

test("passwords are compared on as many threads as are needed", async () => {
  const hasher = new HashThreads(2);
  const said = Array.from({ length: 10 }, (_, i) => (i % 3 === 0 ? "right" : `wrong${i}`));
  const fits = await Promise.all(said.map((password) => hasher.fits(password, HASH)));
  assert.deepEqual(
    fits,
    said.map((password) => password === "right"),
  );
  assert.equal(await hasher.fits("right", "$2a$04$malformed"), false);
  await hasher.close();
});

test("the loop goes on meanwhile", async () => {
  const hasher = new HashThreads(1);
  await hasher.fits("right", HASH);
  let done = false;
  const slow = hasher.fits("wrong", hashSync("right", 9)).then((fits) => {
    done = true;
    return fits;
  });
  let turns = 0;
  for (; !done; turns++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await slow, false);
  assert.ok(turns > 1, `${turns} turns`);
  await hasher.close();
});

test("what is under way fits nothing when it is closed, and nothing does later", async () => {
  const hasher = new HashThreads(1);
  const all = [1, 2, 3].map(() => hasher.fits("right", HASH));
  await hasher.close();
  assert.deepEqual(await Promise.all(all), [false, false, false]);
  assert.equal(await hasher.fits("right", HASH), false);
  await hasher.close();
});

test("where there are no threads, the loop compares", async () => {
  const hasher = new HashThreads(2, new URL("./no-such-file.js", import.meta.url));
  const fits = await Promise.all(["right", "wrong", "right"].map((password) => hasher.fits(password, HASH)));
  assert.deepEqual(fits, [true, false, true]);
  assert.equal(await hasher.fits("right", HASH), true);
  await hasher.close();
});

test("idle threads do not keep a process alive", () => {
  const program = `
    import { HashThreads } from ${JSON.stringify(new URL("./hashing.js", import.meta.url).href)};
    console.log(await new HashThreads(2).fits("right", ${JSON.stringify(HASH)}));`;
  const ended = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.deepEqual([ended.stdout, ended.stderr, ended.status], ["true\n", "", 0]);
});
