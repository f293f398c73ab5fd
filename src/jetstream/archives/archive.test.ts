import assert from "node:assert/strict";
import { test } from "node:test";
import { ArchiveReader, type ArchiveRecord, archiveEnd, archiveHead, encodeRecord } from "./archive.js";

const record = (name: string, sequence: number, header = "", content = "x"): ArchiveRecord => ({
  name,
  timeNs: 1_795_904_576_942_597_114n,
  sequence,
  header: Buffer.from(header),
  content: Buffer.from(content),
});

function read(bytes: Buffer, slice: number): { records: ArchiveRecord[]; ended: boolean } {
  const records: ArchiveRecord[] = [];
  const reader = new ArchiveReader((one) =>
    records.push({ ...one, header: Buffer.from(one.header), content: Buffer.from(one.content) }),
  );
  for (let at = 0; at < bytes.length; at += slice) reader.feed(bytes.subarray(at, at + slice));
  return { records, ended: reader.ended };
}

test("records come back as they were written, in any slices", () => {
  const records = [
    record("state.json", 0, "", "{}"),
    record("s.1", 1),
    record("s.2", 300, "NATS/1.0\r\n\r\n", "y".repeat(500)),
  ];
  const bytes = Buffer.concat([archiveHead(), ...records.map(encodeRecord), archiveEnd()]);
  for (const slice of [1, 7, bytes.length]) assert.deepEqual(read(bytes, slice), { records, ended: true });
});

test("a record has the bytes that nats-server gives it", () => {
  const bytes = encodeRecord({ ...record("s.1", 1, "", "m1"), timeNs: 1_795_904_576_942_597_114n });
  assert.equal(bytes.toString("hex"), "03f48fcbf2d2ecaaec3101000273" + "2e316d31");
});

test("what is no archive is refused, and one without an end is not whole", () => {
  assert.throws(() => read(Buffer.from("something else"), 14), /not an archive/);
  assert.equal(read(Buffer.concat([archiveHead(), encodeRecord(record("s", 1))]), 100).ended, false);
});
