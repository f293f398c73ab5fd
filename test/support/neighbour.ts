// The neighbour: the real nats-server 2.15.1 that scenario tests compare with. It is looked for in $NATS_SERVER, then in
// .cache/neighbour (scripts/fetch-neighbour.mjs puts it there); tests that need it are skipped, visibly, where it is missing.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./project.js";

/** Start of the reason that skipped tests carry; scripts/test.mjs counts by it. */
export const NEIGHBOUR_SKIP_REASON = "needs the neighbour (nats-server 2.15.1)";

type Environment = Readonly<Record<string, string | undefined>>;

/** Path of the neighbour's binary, or undefined where there is none. Throws when $NATS_SERVER names a missing file. */
export function neighbourPath(env: Environment = process.env, root: string = projectRoot): string | undefined {
  const named = env["NATS_SERVER"];
  if (named) {
    if (!existsSync(named)) throw new Error(`NATS_SERVER=${named}: no such file`);
    return named;
  }
  const cached = join(root, ".cache", "neighbour", "nats-server");
  return existsSync(cached) ? cached : undefined;
}

/**
 * For `test(name, { skip: withoutNeighbour() }, ...)`: false where the neighbour is there, else the reason to skip. With
 * NATSNODE_REQUIRE_NEIGHBOUR=1 it is never a reason: the test runs and fails when it asks for the neighbour.
 */
export function withoutNeighbour(env: Environment = process.env, root: string = projectRoot): false | string {
  if (env["NATSNODE_REQUIRE_NEIGHBOUR"] === "1") return false;
  return neighbourPath(env, root) === undefined ? NEIGHBOUR_SKIP_REASON : false;
}

/** The neighbour's command line, as words. Throws where there is none. */
export function neighbourCommand(env: Environment = process.env, root: string = projectRoot): string[] {
  const path = neighbourPath(env, root);
  if (path === undefined)
    throw new Error(`${NEIGHBOUR_SKIP_REASON}: run node scripts/fetch-neighbour.mjs or set NATS_SERVER`);
  return [path];
}

/** The reason that skipped tests of the old neighbour carry. */
export const OLD_NEIGHBOUR_SKIP_REASON =
  "needs nats-server 2.9 (node scripts/fetch-old-neighbour.mjs, or NATS_SERVER_2_9)";

/** Path of a nats-server 2.9, whose routes have no pools; undefined where there is none. */
export function oldNeighbourPath(env: Environment = process.env, root: string = projectRoot): string | undefined {
  const path = env["NATS_SERVER_2_9"] || join(root, ".cache", "neighbour", "nats-server-2.9");
  return existsSync(path) ? path : undefined;
}

/** For `test(name, { skip: withoutOldNeighbour() }, ...)`: it may be missing anywhere. */
export function withoutOldNeighbour(): false | string {
  return oldNeighbourPath() === undefined ? OLD_NEIGHBOUR_SKIP_REASON : false;
}
