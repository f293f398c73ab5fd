import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type PeerMessageForm, PeerMessageLine } from "./peer-message-line.js";

const RMSG = { origin: false, account: true, headers: false };
const HMSG = { origin: false, account: true, headers: true };
const LMSG = { origin: true, account: true, headers: true };
/** On a link that is bound to one account. */
const BOUND = { origin: false, account: false, headers: false };

/** What stands in the arguments of a line; undefined when they make no sense. */
function read(text: string, form: PeerMessageForm) {
  const line = Buffer.from(`xx ${text} yy`, "latin1");
  const parsed = new PeerMessageLine();
  if (!parsed.read(line, 3, line.length - 3, form)) return undefined;
  const slice = (start: number, end: number): string => line.toString("latin1", start, end);
  return {
    origin: slice(parsed.originStart, parsed.originEnd),
    address: slice(parsed.addressStart, parsed.subjectEnd),
    account: slice(parsed.addressStart, parsed.accountEnd),
    subject: slice(parsed.subjectStart, parsed.subjectEnd),
    reply: slice(parsed.replyStart, parsed.replyEnd),
    queues: slice(parsed.queuesStart, parsed.queuesEnd),
    headers: parsed.headerBytes,
    size: parsed.sizeBytes,
    sizeText: slice(parsed.sizeStart, parsed.sizeEnd),
  };
}

const plain = { origin: "", address: "$G a.b", account: "$G", subject: "a.b", reply: "", queues: "", headers: 0 };

test("all forms of a message line", () => {
  const sized = { size: 5, sizeText: "5" };
  assert.deepEqual(read("$G a.b 5", RMSG), { ...plain, ...sized });
  assert.deepEqual(read("$G a.b my.reply 5", RMSG), { ...plain, reply: "my.reply", ...sized });
  assert.deepEqual(read("$G a.b | q2 q1 5", RMSG), { ...plain, queues: "q2 q1", ...sized });
  assert.deepEqual(read("$G a.b + r q2  q1 5", RMSG), { ...plain, reply: "r", queues: "q2  q1", ...sized });
  assert.deepEqual(read("a.b | q 5", BOUND), { ...plain, address: "a.b", account: "", queues: "q", ...sized });
  const withHeaders = { headers: 18, size: 23, sizeText: "23" };
  assert.deepEqual(read("$G a.b | q 18 23", HMSG), { ...plain, queues: "q", ...withHeaders });
  assert.deepEqual(read("LF $G a.b + r q 18 23", LMSG), {
    ...plain,
    origin: "LF",
    reply: "r",
    queues: "q",
    ...withHeaders,
  });
  assert.deepEqual(read("LF $G a.b 0 5", LMSG), { ...plain, origin: "LF", ...sized });
});

test("a subject or a reply of one character is no mark, unless it is one", () => {
  assert.deepEqual(read("$G | 5", RMSG)?.subject, "|");
  assert.deepEqual(read("$G a.b x 5", RMSG)?.reply, "x");
  assert.equal(read("$G a.b | 5", RMSG)?.queues, "");
});

test("lines that make no sense", () => {
  const wrong: [string, PeerMessageForm][] = [
    ["", RMSG],
    ["5", RMSG],
    ["$G 5", RMSG],
    ["$G a.b", RMSG],
    ["$G a.b x", RMSG],
    ["$G a.b -1", RMSG],
    ["$G a.b 1234567890", RMSG],
    ["$G a.b r q 5", RMSG],
    ["$G a.b + 5", RMSG],
    ["$G a.b 5", HMSG],
    ["$G a.b 6 5", HMSG],
    ["$G a.b x 5 5 5 5", HMSG],
    ["LF $G a.b 5", LMSG],
  ];
  for (const [line, form] of wrong) assert.equal(read(line, form), undefined, line);
});

test("thousands of queue groups fit in a line, and more are refused", () => {
  const queues = (count: number): string => Array.from({ length: count }, (_, i) => `q${i}`).join(" ");
  assert.equal(read(`$G a.b | ${queues(4000)} 5`, RMSG)?.queues, queues(4000));
  assert.equal(read(`$G a.b | ${queues(5000)} 5`, RMSG), undefined);
});

test("what is written in any form is read as it was", () => {
  const token = fc.stringMatching(/^[!-*,-{}~\u0080-\u00ff]{1,8}$/);
  fc.assert(
    fc.property(
      fc.record({ account: token, subject: token, reply: fc.option(token), queues: fc.array(token, { maxLength: 4 }) }),
      fc.nat(999_999_999),
      ({ account, subject, reply, queues }, size) => {
        const list = queues.length > 0 ? ` ${queues.join(" ")}` : "";
        const mark = list === "" ? "" : reply === null ? " |" : " +";
        const found = read(`${account} ${subject}${mark}${reply === null ? "" : ` ${reply}`}${list} ${size}`, RMSG);
        assert.deepEqual(
          [found?.account, found?.subject, found?.reply, found?.queues, found?.size],
          [account, subject, reply ?? "", queues.join(" "), size],
        );
      },
    ),
  );
});
