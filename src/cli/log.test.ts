// The format of log lines, the levels, and changing sinks.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../runtime/clock.js";
import { type LogLevel, type LogSink, lineFormat, ProgramLog, stderrSink } from "./log.js";

const clockAt = (ms: number, offsetMinutes = 0): Clock =>
  ({ nowMs: () => ms, utcOffsetMinutes: () => offsetMinutes }) as unknown as Clock;
const someTime = Date.UTC(2026, 0, 2, 15, 4, 5) + 123.456;

class Collected implements LogSink {
  readonly lines: string[] = [];
  closed = 0;
  write(level: LogLevel, text: string): void {
    this.lines.push(`${level} ${text}`);
  }
  async close(): Promise<void> {
    this.closed += 1;
  }
}

test("a line holds the process id, the time to the microsecond, the level and the text", () => {
  const format = lineFormat(clockAt(someTime), { pid: 7, time: true, utc: true, colours: false });
  assert.equal(format("INF", "Server is ready"), "[7] 2026/01/02 15:04:05.123456 [INF] Server is ready\n");
});

test("the time is local unless UTC is asked for, and can be left out", () => {
  const local = lineFormat(clockAt(someTime, -90), { pid: 7, time: true, utc: false, colours: false });
  assert.equal(local("ERR", "x"), "[7] 2026/01/02 13:34:05.123456 [ERR] x\n");
  const bare = lineFormat(clockAt(someTime), { pid: 7, time: false, utc: false, colours: false });
  assert.equal(bare("DBG", "x"), "[7] [DBG] x\n");
});

test("a second's cached part gives way to that of the next second", () => {
  let ms = someTime;
  const clock = { nowMs: () => ms, utcOffsetMinutes: () => 0 } as unknown as Clock;
  const format = lineFormat(clock, { pid: 7, time: true, utc: false, colours: false });
  format("INF", "a");
  ms += 900;
  assert.equal(format("INF", "b"), "[7] 2026/01/02 15:04:06.023456 [INF] b\n");
});

test("colours surround the level alone", () => {
  const format = lineFormat(clockAt(0), { pid: 7, time: false, utc: false, colours: true });
  assert.equal(format("WRN", "x"), "[7] [\x1b[0;93mWRN\x1b[0m] x\n");
});

test("debug and trace lines are written only when they are on, and a reload changes that", async () => {
  const sink = new Collected();
  const log = new ProgramLog(sink, { debug: false, trace: true });
  const all = () => {
    log.debug("d");
    log.trace("t");
  };
  all();
  assert.deepEqual([log.debugOn, log.traceOn], [false, true]);
  await log.change({ debug: true, trace: false });
  all();
  for (const level of ["info", "warn", "error", "fatal"] as const) log[level](level);
  assert.deepEqual(sink.lines, ["TRC t", "DBG d", "INF info", "WRN warn", "ERR error", "FTL fatal"]);
  assert.equal(sink.closed, 0);
});

test("a new sink takes over and the old one is closed, once", async () => {
  const old = new Collected();
  const fresh = new Collected();
  const log = new ProgramLog(old, { debug: false, trace: false });
  await log.change({ debug: false, trace: false }, fresh);
  log.info("x");
  await log.close();
  await log.close();
  assert.deepEqual([old.lines, old.closed, fresh.lines, fresh.closed], [[], 1, ["INF x"], 1]);
});

test("only a log in a file can be started anew", () => {
  let reopened = 0;
  const file: LogSink = { write: () => {}, reopen: () => void reopened++, close: async () => {} };
  assert.equal(new ProgramLog(file, { debug: false, trace: false }).reopen(), true);
  assert.equal(reopened, 1);
  assert.equal(new ProgramLog(new Collected(), { debug: false, trace: false }).reopen(), false);
});

test("standard error gets formatted lines", () => {
  const lines: string[] = [];
  const sink = stderrSink(
    (level, text) => `${level}:${text}\n`,
    (line) => lines.push(line),
  );
  sink.write("INF", "x");
  assert.deepEqual(lines, ["INF:x\n"]);
});
