import assert from "node:assert/strict";
import { test } from "node:test";
import type { JetStream } from "../jetstream.js";
import { Coordination, LEASE_MS } from "./coordination.js";
import { Peer } from "./peer.js";

test("a server follows a coordinator that has spoken lately, and itself while the others have", () => {
  let nowMs = 0;
  const js = { server: { id: "OWN", runtime: { clock: { monotonicMs: () => nowMs } } } };
  const peer = new Peer("S1", "OTHER", "C");
  peer.revision = 1;
  const coordination = new Coordination(js as unknown as JetStream, new Map([["S1", peer]]));
  const introduction = { others: [], decides: "OWN" } as unknown as NonNullable<Peer["introduction"]>;
  for (const [coordinator, id] of [
    [peer, "OTHER"],
    ["own", "OWN"],
  ] as const) {
    nowMs = 0;
    peer.heardMs = 0;
    peer.introduction = introduction;
    coordination.coordinator = coordinator;
    assert.equal(coordination.follows(id), true);
    assert.equal(coordination.follows("ANOTHER"), false);
    nowMs = LEASE_MS;
    assert.equal(coordination.follows(id), false, "it was held up, and what it knows may be old");
    peer.heardMs = nowMs;
    assert.equal(coordination.follows(id), true);
  }
});
