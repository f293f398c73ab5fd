import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { outboxText } from "../../../test/support/outbox-text.js";
import { Message } from "../../accounts/message.js";
import { PeerMessageLine } from "../../protocol/peer-message-line.js";
import { MOST_PEER_QUEUES, PEER_LINE_BYTES } from "../limits.js";
import { ChunkPool, Outbox } from "../outbox.js";
import { type PeerPrefix, peerPrefix, writePeerMessage } from "./peer-writer.js";

const ROUTE = peerPrefix("RMSG", "HMSG", "$G ");
const LEAF_OVER_ROUTE = peerPrefix("LMSG", "LMSG", "LEAF $G ", true);
const BOUND = peerPrefix("LMSG", "HMSG", "");
const HEADERS = "NATS/1.0\r\nA: b\r\n\r\n";

interface Written {
  readonly reply?: string;
  readonly headers?: string;
  readonly payload?: string;
  readonly queues?: readonly string[];
  readonly withHeaders?: boolean;
  readonly beforeSubject?: string;
  readonly beforeReply?: string;
}

/** What another server gets of a message on "a.b", and the bytes that were counted. */
function written(prefix: PeerPrefix, options: Written): { text: string; bytes: number } {
  const { reply = "", headers = "", payload = "hi", queues = [], withHeaders = true } = options;
  const outbox = new Outbox(new ChunkPool());
  const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
  const message = Message.of("a.b", reply, latin1(headers), latin1(payload));
  const [subjectPart, replyPart] = [latin1(options.beforeSubject ?? ""), latin1(options.beforeReply ?? "")];
  const bytes = writePeerMessage(outbox, prefix, message, queues, withHeaders, subjectPart, replyPart);
  return { text: outboxText(outbox), bytes };
}

test("all forms of a message for another server", () => {
  const forms: [PeerPrefix, Written, string][] = [
    [ROUTE, {}, "RMSG $G a.b 2\r\nhi\r\n"],
    [ROUTE, { reply: "r" }, "RMSG $G a.b r 2\r\nhi\r\n"],
    [ROUTE, { queues: ["q2", "q1"] }, "RMSG $G a.b | q2 q1 2\r\nhi\r\n"],
    [ROUTE, { reply: "r", queues: ["q"] }, "RMSG $G a.b + r q 2\r\nhi\r\n"],
    [ROUTE, { headers: HEADERS }, `HMSG $G a.b 18 20\r\n${HEADERS}hi\r\n`],
    [ROUTE, { headers: HEADERS, withHeaders: false }, "RMSG $G a.b 2\r\nhi\r\n"],
    [ROUTE, { payload: "" }, "RMSG $G a.b 0\r\n\r\n"],
    [LEAF_OVER_ROUTE, { queues: ["z"] }, "LMSG LEAF $G a.b | z 0 2\r\nhi\r\n"],
    [LEAF_OVER_ROUTE, { headers: HEADERS, reply: "r" }, `LMSG LEAF $G a.b r 18 20\r\n${HEADERS}hi\r\n`],
    [BOUND, { reply: "r", queues: ["q"] }, "LMSG a.b + r q 2\r\nhi\r\n"],
    [BOUND, { headers: HEADERS }, `HMSG a.b 18 20\r\n${HEADERS}hi\r\n`],
    [
      ROUTE,
      { beforeSubject: "_GR_.x.", reply: "r", beforeReply: "_GR_.y." },
      "RMSG $G _GR_.x.a.b _GR_.y.r 2\r\nhi\r\n",
    ],
    [ROUTE, { beforeReply: "_GR_.y." }, "RMSG $G a.b 2\r\nhi\r\n"],
  ];
  for (const [prefix, options, text] of forms) {
    const { headers = "", payload = "hi", withHeaders = true } = options;
    const bytes = (withHeaders ? headers.length : 0) + payload.length;
    assert.deepEqual(written(prefix, options), { text, bytes });
  }
});

test("what is written is read as it was, whatever the sizes", () => {
  const token = fc.stringMatching(/^[!-*,-{}~\u0080-\u00ff]{1,9}$/);
  fc.assert(
    fc.property(
      fc.option(token),
      fc.array(token, { maxLength: 5 }),
      fc.oneof(fc.nat(200), fc.constantFrom(4095, 4096, 70_000, 300_000)),
      fc.boolean(),
      (reply, queues, size, hasHeaders) => {
        const payload = "p".repeat(size);
        const headers = hasHeaders ? HEADERS : "";
        const { text, bytes } = written(ROUTE, { reply: reply ?? "", queues, payload, headers });
        const lineEnd = text.indexOf("\r\n");
        assert.equal(text.slice(lineEnd + 2), `${headers}${payload}\r\n`);
        const line = Buffer.from(text.slice(0, lineEnd), "latin1");
        const parsed = new PeerMessageLine();
        assert.ok(parsed.read(line, 5, line.length, { origin: false, account: true, headers: hasHeaders }));
        const slice = (start: number, end: number): string => line.toString("latin1", start, end);
        assert.equal(slice(0, 5), hasHeaders ? "HMSG " : "RMSG ");
        assert.deepEqual(
          [slice(parsed.addressStart, parsed.subjectEnd), slice(parsed.replyStart, parsed.replyEnd)],
          ["$G a.b", reply ?? ""],
        );
        assert.equal(slice(parsed.queuesStart, parsed.queuesEnd), queues.join(" "));
        assert.deepEqual([parsed.sizeBytes, parsed.headerBytes], [bytes, headers.length]);
      },
    ),
    { numRuns: 200 },
  );
});

test("more groups than the other side reads are left out, and the line stays short enough", () => {
  const many = Array.from({ length: MOST_PEER_QUEUES + 10 }, (_, i) => `q${i}`);
  const { text } = written(ROUTE, { queues: many });
  assert.equal(text.slice(0, text.indexOf("\r\n")).split(" ").length - 5, MOST_PEER_QUEUES);
  const long = Array.from({ length: 1000 }, (_, i) => `q${i}`.padEnd(2000, "x"));
  const answered = written(ROUTE, { queues: long, reply: "r", payload: "hello" }).text;
  const line = answered.slice(0, answered.indexOf("\r\n"));
  assert.ok(line.length > PEER_LINE_BYTES / 2 && line.length <= PEER_LINE_BYTES, `${line.length}`);
  assert.match(line, /^RMSG \$G a\.b \+ r q0x+ q1x+ .* 5$/);
  assert.equal(answered.slice(line.length), "\r\nhello\r\n");
});
