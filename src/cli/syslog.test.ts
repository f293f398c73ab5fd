// Lines for syslog, and their way to daemons over UDP and TCP.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { calendar } from "../protocol/calendar.js";
import type { Clock } from "../runtime/clock.js";
import { nodeHost } from "./host.js";
import type { LogLevel } from "./log.js";
import { localLine, parseSyslogAddress, remoteLine, type SyslogTarget, syslogSink } from "./syslog.js";

const from = { hostname: "box", tag: "natsnode", pid: 7 };
const at = Date.UTC(2026, 0, 2, 15, 4, 5);
const clock = { nowMs: () => at, utcOffsetMinutes: () => 120 } as unknown as Clock;

test("addresses name udp, tcp or a socket's path", () => {
  const cases: [string, SyslogTarget][] = [
    ["udp://localhost:514", { kind: "udp", host: "localhost", port: 514 }],
    ["tcp://10.0.0.1:6514/", { kind: "tcp", host: "10.0.0.1", port: 6514 }],
    ["udp://[::1]:99", { kind: "udp", host: "::1", port: 99 }],
    ["udp://logs", { kind: "udp", host: "logs", port: 514 }],
    ["unix:///run/log.sock", { kind: "unix", path: "/run/log.sock" }],
  ];
  for (const [text, target] of cases) assert.deepEqual(parseSyslogAddress(text), target);
});

test("other addresses are refused", () => {
  assert.throws(() => parseSyslogAddress("foo://x"), {
    code: "NATS_SYSLOG_ADDRESS",
    message: 'error invalid network type: "foo"',
  });
  for (const bad of ["", "localhost:514", "udp://a:99999", "udp://a:b", "tcp://a:1:2"]) {
    assert.throws(() => parseSyslogAddress(bad), { code: "NATS_SYSLOG_ADDRESS" });
  }
});

test("levels become severities", () => {
  const time = calendar(at, 120);
  const priorities = (["INF", "WRN", "ERR", "FTL", "DBG", "TRC"] as LogLevel[]).map(
    (level) => remoteLine(level, "x", time, from).split(">")[0],
  );
  assert.deepEqual(priorities, ["<5", "<4", "<3", "<2", "<7", "<5"]);
});

test("a remote daemon gets time, host, program and pid; a local one no host", () => {
  const time = calendar(at, 120);
  assert.equal(remoteLine("INF", "hello", time, from), "<5>2026-01-02T17:04:05+02:00 box natsnode[7]: hello");
  assert.equal(localLine("INF", "hello", time, from), "<5>Jan  2 17:04:05 natsnode[7]: hello");
});

test("the daemon of this machine gets one line for each, whatever is in it", () => {
  const lines: string[] = [];
  const sink = syslogSink({ kind: "local" }, { send: (line) => lines.push(line), close: async () => {} }, clock, from);
  sink.write("ERR", "one\ntwo");
  assert.deepEqual(lines, ["<27>one two"]);
});

const host = nodeHost({ pending: false, handle: undefined });

test("lines reach a daemon over udp", async () => {
  const daemon = createSocket("udp4");
  daemon.bind(0, "127.0.0.1");
  await once(daemon, "listening");
  const target: SyslogTarget = { kind: "udp", host: "127.0.0.1", port: daemon.address().port };
  const sink = syslogSink(target, await host.openSyslog(target, "t"), clock, from);
  sink.write("WRN", "hello");
  const [message] = await once(daemon, "message");
  assert.equal(String(message), "<4>2026-01-02T17:04:05+02:00 box natsnode[7]: hello");
  await sink.close();
  daemon.close();
});

test("closing waits until everything has gone to a daemon over tcp", async () => {
  const received: string[] = [];
  const daemon = createServer((socket: Socket) => socket.on("data", (data) => received.push(String(data))));
  daemon.listen(0, "127.0.0.1");
  await once(daemon, "listening");
  const target: SyslogTarget = { kind: "tcp", host: "127.0.0.1", port: (daemon.address() as { port: number }).port };
  const sink = syslogSink(target, await host.openSyslog(target, "t"), clock, from);
  for (let i = 0; i < 1000; i += 1) sink.write("INF", `line ${i}`);
  await sink.close();
  daemon.close();
  await once(daemon, "close");
  const lines = received.join("").split("\n");
  assert.equal(lines.length, 1001);
  assert.equal(lines[999], "<5>2026-01-02T17:04:05+02:00 box natsnode[7]: line 999");
});

test("a daemon that is not there is an error", async () => {
  await assert.rejects(host.openSyslog({ kind: "unix", path: "/nowhere/log" }, "t"), { code: "ENOENT" });
});
