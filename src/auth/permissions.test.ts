import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OptionsError } from "../options/errors.js";
import { subjectMatches } from "../subjects/validity.js";
import { MAX_ALLOWED_REPLIES, Permissions } from "./permissions.js";

type Raw = NonNullable<Parameters<typeof Permissions.of>[0]>;

function permissions(raw: Raw): Permissions {
  const result = Permissions.of(raw);
  assert.ok(result !== undefined);
  return result;
}

test("nothing said allows everything", () => {
  assert.equal(Permissions.of(undefined), undefined);
  assert.equal(Permissions.of({}), undefined);
});

test("publish: allowed, and not denied", () => {
  const p = permissions({ publish: { allow: ["a.*", "b.>"], deny: ["a.secret", "b.x.>"] } });
  for (const subject of ["a.1", "b.1.2", "b.x"]) assert.equal(p.canPublish(subject), true, subject);
  for (const subject of ["a.secret", "b.x.y", "c", "a", "a.1.2", "b", "a..", "b..x", ""]) {
    assert.equal(p.canPublish(subject), false, subject);
  }
});

test("publish: wildcards as text do not get around a deny list", () => {
  const p = permissions({ publish: { deny: ["no.*", "bad.>"] } });
  for (const subject of ["no.*", "no.>", "bad.*", "bad.>", "bad.*.x"])
    assert.equal(p.canPublish(subject), false, subject);
  for (const subject of [">", "*.x", "ok"]) assert.equal(p.canPublish(subject), true, subject);
});

test("empty lists are the same as none", () => {
  const p = permissions({ publish: { allow: [], deny: [] }, subscribe: { allow: [], deny: [] } });
  assert.equal(p.canPublish("a"), true);
  assert.equal(p.canSubscribe("a", undefined), true);
  assert.equal(p.deniesDelivery, false);
});

test("subscribe: allowed, and not denied", () => {
  const p = permissions({ subscribe: { allow: ["a.*", "b.>"], deny: ["a.secret", "b.x.>"] } });
  for (const subject of ["a.1", "a.*", "b.1.2", "b.x", "b.>", "b.*"]) {
    assert.equal(p.canSubscribe(subject, undefined), true, subject);
  }
  for (const subject of ["a.secret", "b.x.1", "b.x.>", "b.x.*", "c", "c..d", "b..d", "a.>.x"]) {
    assert.equal(p.canSubscribe(subject, undefined), false, subject);
  }
});

test("subscribe: a wildcard wider than what is allowed is refused", () => {
  const p = permissions({ subscribe: { allow: ["a.*", "b.*.c", "d"] } });
  for (const subject of [">", "*", "*.*", "a.>", "b.>", "b.*.*", "b.*.>", "*.x", "d.>", "a.*.>"]) {
    assert.equal(p.canSubscribe(subject, undefined), false, subject);
    assert.equal(p.canSubscribe(subject, "q"), false, subject);
  }
});

test("subscribe: a wildcard over denied subjects is accepted, and they are left out", () => {
  const p = permissions({ subscribe: { deny: ["no.>", "bad"] } });
  assert.equal(p.deniesDelivery, true);
  for (const subject of ["*.1", ">", "*", "no"]) assert.equal(p.canSubscribe(subject, undefined), true, subject);
  for (const subject of ["no.1", "no.*", "no.>", "bad"]) assert.equal(p.canSubscribe(subject, "q"), false, subject);
  for (let twice = 0; twice < 2; twice++) {
    assert.equal(p.mayReceive("no.1"), false);
    assert.equal(p.mayReceive("no.1", "q"), false);
    assert.equal(p.mayReceive("bad"), false);
    assert.equal(p.mayReceive("yes.1"), true);
    assert.equal(p.mayReceive("yes.1", "q"), true);
  }
});

test("subscribe: nobody receives what is denied, whatever was subscribed to", () => {
  const token = fc.constantFrom("a", "b", "*");
  const pattern = fc
    .tuple(fc.array(token, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([tokens, full]) => [...tokens, ...(full ? [">"] : [])].join("."));
  const literal = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
  const lists = fc.tuple(fc.array(pattern, { maxLength: 2 }), fc.array(pattern, { maxLength: 2 }));
  fc.assert(
    fc.property(
      lists,
      pattern,
      literal,
      fc.constantFrom(undefined, "q"),
      ([allow, deny], subscribed, subject, queue) => {
        const p = Permissions.of({ subscribe: { allow, deny } });
        const gets =
          p === undefined ||
          (p.canSubscribe(subscribed, queue) && subjectMatches(subject, subscribed) && p.mayReceive(subject, queue));
        if (!gets || !subjectMatches(subject, subscribed)) return;
        assert.equal(
          deny.some((rule) => subjectMatches(subject, rule)),
          false,
        );
        if (allow.length > 0) assert.ok(allow.some((rule) => subjectMatches(subject, rule)));
      },
    ),
    { numRuns: 2000 },
  );
});

test("subscribe: entries with a queue group", () => {
  const p = permissions({
    subscribe: { allow: ["foo", "foo v1", "bar v1.*", "baz *.prod"], deny: ["foo v2", "baz *.prod.>"] },
  });
  assert.equal(p.canSubscribe("foo", undefined), true);
  assert.equal(p.canSubscribe("foo", "v1"), true);
  assert.equal(p.canSubscribe("foo", "v2"), false);
  assert.equal(p.canSubscribe("foo", "other"), false);
  assert.equal(p.canSubscribe("bar", undefined), false);
  assert.equal(p.canSubscribe("bar", "v1.a"), true);
  assert.equal(p.canSubscribe("bar", "v1"), false);
  assert.equal(p.canSubscribe("bar", "v1.a.b"), false);
  assert.equal(p.canSubscribe("bar", "v1.*"), true, "the entry as a name");
  assert.equal(p.canSubscribe("bar", "*.a"), false);
  assert.equal(p.canSubscribe("bar", ">"), false);
  assert.equal(p.canSubscribe("bar", "v1.>"), false);
  assert.equal(p.canSubscribe("baz", "x.prod"), true);
  assert.equal(p.canSubscribe("baz", "x.prod.y"), false);
});

test("subscribe: an entry with a queue group alone is for that group", () => {
  const p = permissions({ subscribe: { allow: ["q workers"] } });
  assert.equal(p.canSubscribe("q", undefined), false);
  assert.equal(p.canSubscribe("q", "workers"), true);
  assert.equal(p.canSubscribe("q", "others"), false);
  assert.equal(p.canSubscribe(">", "workers"), false);
  assert.equal(p.canSubscribe("*", "workers"), false);
});

test("subscribe: a plain entry covers every group, a denied group is left out of wildcards", () => {
  const p = permissions({ subscribe: { allow: [">"], deny: ["foo v2"] } });
  assert.equal(p.canSubscribe("*", "v2"), true);
  assert.equal(p.mayReceive("foo", "v2"), false);
  assert.equal(p.mayReceive("foo", "v1"), true);
  assert.equal(p.mayReceive("foo"), true);
  assert.equal(p.mayReceive("bar", "v2"), true);
});

test("responses: one answer to a delivered request, nothing else", () => {
  const p = permissions({ allowResponses: { maxMsgs: 1, expiresMs: 1000 } });
  assert.equal(p.allowsResponses, true);
  assert.equal(p.canPublish("in.1", 0), false);
  p.noteRequest("in.1", 0);
  p.noteRequest("", 0);
  assert.equal(p.canPublish("", 0), false);
  assert.equal(p.canPublish("in.2", 0), false);
  assert.equal(p.canPublish("in.*", 0), false);
  assert.equal(p.canPublish("in.1", 1000), true);
  assert.equal(p.canPublish("in.1", 1000), false);
});

test("responses: a wildcard as reply subject opens that text only", () => {
  const p = permissions({ allowResponses: { maxMsgs: -1, expiresMs: 1000 } });
  p.noteRequest(">", 0);
  p.noteRequest("in.*", 0);
  assert.equal(p.canPublish("secret", 0), false);
  assert.equal(p.canPublish("in.1", 0), false);
});

test("responses: without a list of what is allowed nothing else may be published, whatever is denied", () => {
  const allowResponses = { maxMsgs: 1, expiresMs: 1000 };
  for (const publish of [{ deny: ["x"] }, { deny: [] }, { allow: [] }, { allow: [], deny: ["x"] }, {}]) {
    const p = permissions({ publish, allowResponses });
    assert.equal(p.canPublish("a", 0), false);
    assert.equal(p.canPublish("x", 0), false);
    p.noteRequest("in.1", 0);
    assert.equal(p.canPublish("in.1", 0), true);
  }
});

test("responses: several, until they expire, also where publishing is denied", () => {
  const p = permissions({
    publish: { deny: [">"] },
    allowResponses: { maxMsgs: -1, expiresMs: 400 },
  });
  p.noteRequest("in.1", 0);
  for (let i = 0; i < 5; i++) assert.equal(p.canPublish("in.1", 400), true);
  assert.equal(p.canPublish("in.1", 401), false);
  assert.equal(p.canPublish("in.1", 0), false);
});

test("responses: a new request renews the right", () => {
  const p = permissions({ allowResponses: { maxMsgs: 2, expiresMs: 100 } });
  p.noteRequest("in.1", 0);
  assert.equal(p.canPublish("in.1", 50), true);
  p.noteRequest("in.1", 90);
  assert.equal(p.canPublish("in.1", 190), true);
  assert.equal(p.canPublish("in.1", 190), true);
  assert.equal(p.canPublish("in.1", 190), false);
});

test("responses: publish rights stay beside them, and are not used up", () => {
  const p = permissions({ publish: { allow: ["ok"] }, allowResponses: { maxMsgs: 1, expiresMs: 100 } });
  p.noteRequest("ok", 0);
  for (let i = 0; i < 3; i++) assert.equal(p.canPublish("ok", 0), true);
  assert.equal(p.canPublish("other", 0), false);
});

test("responses: each connection has its own, and their number is limited", () => {
  const p = permissions({ allowResponses: { maxMsgs: 1, expiresMs: 1e9 } });
  const [a, b] = [p.forConnection(), p.forConnection()];
  a.noteRequest("in.1", 0);
  assert.equal(b.canPublish("in.1", 0), false);
  for (let i = 0; i < MAX_ALLOWED_REPLIES; i++) b.noteRequest(`r.${i}`, 0);
  b.noteRequest("last", 0);
  assert.equal(b.canPublish("r.0", 0), false);
  assert.equal(b.canPublish("r.1", 0), true);
  assert.equal(b.canPublish("last", 0), true);
  const plain = permissions({ publish: { allow: ["x"] } });
  assert.equal(plain.forConnection(), plain);
});

test("malformed entries are refused", () => {
  const bad: [Raw, string][] = [
    [{ publish: { allow: ["a..b"] } }, "permissions.publish.allow"],
    [{ publish: { deny: ["a b"] } }, "permissions.publish.deny"],
    [{ subscribe: { allow: ["a b c"] } }, "permissions.subscribe.allow"],
    [{ subscribe: { deny: [""] } }, "permissions.subscribe.deny"],
    [{ subscribe: { deny: ["a.>.b"] } }, "permissions.subscribe.deny"],
  ];
  for (const [raw, path] of bad) {
    assert.throws(
      () => Permissions.of(raw),
      (error) => error instanceof OptionsError && error.path === path && /is not a valid subject/.test(error.message),
    );
  }
});
