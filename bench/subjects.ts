// Micro-benchmark of src/subjects: what finding subscribers, changing subscriptions and mapping cost, and what memory they take.
// Run the compiled file with `node --expose-gc` to get the memory numbers.

import { SubjectMappings } from "../src/subjects/mapping.js";
import { type Interest, Sublist } from "../src/subjects/sublist.js";

const COUNT = 100_000;

function measure(name: string, operations: number, run: () => void): void {
  const start = process.hrtime.bigint();
  run();
  const perOperation = Number(process.hrtime.bigint() - start) / operations;
  console.log(`${name.padEnd(58)} ${perOperation.toFixed(0).padStart(8)} ns`);
}

function memory(name: string, subject: (at: number) => string): void {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) return;
  const subs: Interest[] = Array.from({ length: COUNT }, (_, at) => ({ subject: flat(subject(at)), queue: undefined }));
  collect();
  const before = process.memoryUsage().heapUsed;
  const list = listOf(subs);
  collect();
  const bytes = (process.memoryUsage().heapUsed - before) / list.size;
  console.log(`${name.padEnd(58)} ${bytes.toFixed(0).padStart(8)} bytes per subscription`);
}

// A string of its own, as a subject that was read from the wire is.
function flat(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

function listOf(subs: readonly Interest[]): Sublist<Interest> {
  const list = new Sublist<Interest>();
  for (const sub of subs) list.insert(sub);
  return list;
}

function subjects(count: number, subject: (at: number) => string): Interest[] {
  return Array.from({ length: count }, (_, at) => ({ subject: flat(subject(at)), queue: undefined }));
}

const inbox = (at: number) => `_INBOX.${(at * 7919 + 1e15).toString(36)}.*`;

for (let round = 0; round < 2; round++) {
  console.log(`round ${round + 1}`);
  const literals = subjects(COUNT, (at) => `orders.${at % 1000}.item.${at}`);
  const wildcards = subjects(COUNT, inbox);
  const list = new Sublist<Interest>();
  measure("insert literals", COUNT, () => literals.forEach((sub) => void list.insert(sub)));
  measure("insert wildcards (_INBOX.id.*)", COUNT, () => wildcards.forEach((sub) => void list.insert(sub)));
  list.insert({ subject: "orders.*.item.5", queue: "q" });
  list.insert({ subject: "*.1.>", queue: undefined });

  const few = literals.slice(0, 500).map((sub) => sub.subject);
  measure("match, 500 subjects in turn (cache hits)", 1_000_000, () => {
    for (let at = 0; at < 1_000_000; at++) list.match(few[at % 500]);
  });
  const many = literals.map((sub) => sub.subject);
  measure("match, 100,000 subjects in turn (cache misses)", COUNT, () =>
    many.forEach((subject) => void list.match(subject)),
  );
  const replies = wildcards.map((sub) => flat(sub.subject.replace("*", "x9")));
  measure("match, a new inbox each time (cache misses)", COUNT, () =>
    replies.forEach((subject) => void list.match(subject)),
  );
  measure("SUB and UNSUB of an inbox, one hot match between", COUNT, () => {
    for (const sub of wildcards) {
      list.remove(sub);
      list.match(few[0]);
      list.insert(sub);
      list.match(few[1]);
    }
  });
  measure("remove wildcards", COUNT, () => wildcards.forEach((sub) => void list.remove(sub)));
  measure("remove literals", COUNT, () => literals.forEach((sub) => void list.remove(sub)));

  const hot = subjects(COUNT, () => "hot");
  const crowd = new Sublist<Interest>();
  measure("100,000 subscribers of one subject: insert", COUNT, () => hot.forEach((sub) => void crowd.insert(sub)));
  measure("100,000 subscribers of one subject: first match", 1, () => void crowd.match("hot"));
  measure("100,000 subscribers of one subject: remove", COUNT, () => hot.forEach((sub) => void crowd.remove(sub)));

  const mappings = new SubjectMappings({
    "a.*": [{ destination: "b.$1", weight: 100 }],
    "p.*.*": [{ destination: "p.{{partition(10,1,2)}}.$2.$1", weight: 100 }],
  });
  const draw = () => 0.5;
  const mapped = (name: string, subject: string) =>
    measure(name, 1_000_000, () => {
      for (let at = 0; at < 1_000_000; at++) mappings.map(subject, draw);
    });
  mapped("map: no source matches", "orders.1.item.2");
  mapped("map: one wildcard placed", "a.xyz");
  mapped("map: partition and two wildcards", "p.xyz.abc");
}

memory("memory: literals (orders.N.item.N)", (at) => `orders.${at % 1000}.item.${at}`);
memory("memory: inboxes (_INBOX.id.*)", inbox);
memory("memory: wildcard inside (device.N.*.state)", (at) => `device.${at}.*.state`);
memory("memory: one subject for all", () => "hot");
