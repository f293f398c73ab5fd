// The values of --signal.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Disk } from "../runtime/disk.js";
import { sendSignal } from "./send-signal.js";

const disk = {
  readSync: (path: string): Buffer => {
    if (path === "s.pid") return Buffer.from("41\n");
    throw Object.assign(new Error("missing"), { code: "ENOENT" });
  },
} as unknown as Disk;

function send(request: string, running: number[] | undefined = []): [number, string][] {
  const sent: [number, string][] = [];
  const kill = (pid: number, signal: string): void => {
    if (pid === 99) throw Object.assign(new Error("kill ESRCH"), { code: "ESRCH" });
    sent.push([pid, signal]);
  };
  sendSignal(request, { kill, processesNamed: () => running }, disk);
  return sent;
}

test("each command has its signal", () => {
  const signals = ["stop", "quit", "term", "reopen", "reload", "ldm"].map((command) => send(`${command}=5`)[0][1]);
  assert.deepEqual(signals, ["SIGKILL", "SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP", "SIGUSR2"]);
});

test("the process is named by its id or by a file", () => {
  assert.deepEqual(send("quit=7"), [[7, "SIGINT"]]);
  assert.deepEqual(send("quit=s.pid"), [[41, "SIGINT"]]);
});

test("without an id the only server of the machine is meant", () => {
  assert.deepEqual(send("quit", [12]), [[12, "SIGINT"]]);
  assert.deepEqual(send("quit=", [12]), [[12, "SIGINT"]]);
  assert.throws(() => send("quit", []), { message: "no nats-server processes running" });
  assert.throws(() => send("quit", [1, 2]), { message: "multiple nats-server processes running:\n1\n2" });
  const blind = { kill: () => {}, processesNamed: () => undefined };
  assert.throws(() => sendSignal("quit", blind, disk), { message: "unable to resolve pid, try providing one" });
});

test("an asterisk means all servers, or those whose id begins so", () => {
  assert.deepEqual(
    send("quit=*", [12, 345]).map(([pid]) => pid),
    [12, 345],
  );
  assert.deepEqual(
    send("quit=3*", [12, 345, 30]).map(([pid]) => pid),
    [345, 30],
  );
});

test("mistakes are named and nothing is sent", () => {
  const cases: [string, string | RegExp][] = [
    ["foo=1", 'unknown signal "foo"'],
    ["stop=abc", "invalid pid: abc"],
    ["stop=-1", "invalid pid: -1"],
    ["stop=0", "invalid pid: 0"],
    ["stop=1=2", /invalid signal parameters/],
    ["stop=99", 'signal "stop" 99: no such process'],
  ];
  for (const [request, message] of cases) assert.throws(() => send(request), { code: "NATS_SEND_SIGNAL", message });
});
