// What each signal does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../runtime/logger.js";
import type { ControlSignal } from "./host.js";
import { handleSignals } from "./signals.js";

function signals(lameDuck = false) {
  const deeds: string[] = [];
  const lines: string[] = [];
  const handlers = new Map<ControlSignal, () => void>();
  handleSignals(
    { onSignal: (signal, handle) => void handlers.set(signal, handle) },
    { ...silentLogger, info: (text) => void lines.push(text) },
    {
      shutDown: () => deeds.push("shutDown"),
      lameDuck: () => deeds.push("lameDuck"),
      isLameDuck: () => lameDuck,
      reload: () => deeds.push("reload"),
      reopenLog: () => deeds.push("reopenLog"),
    },
  );
  return { deeds, lines, raise: (signal: ControlSignal) => handlers.get(signal)!() };
}

test("each signal is logged and does its deed", () => {
  const { deeds, lines, raise } = signals();
  for (const signal of ["SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGHUP"] as const) raise(signal);
  assert.deepEqual(deeds, ["shutDown", "shutDown", "reopenLog", "lameDuck", "reload"]);
  assert.deepEqual(lines, [
    'Trapped "interrupt" signal',
    'Trapped "terminated" signal',
    'Trapped "user defined signal 1" signal',
    'Trapped "user defined signal 2" signal',
    'Trapped "hangup" signal',
  ]);
});

test("a lame duck goes on through SIGTERM but ends at SIGINT", () => {
  const { deeds, raise } = signals(true);
  raise("SIGTERM");
  assert.deepEqual(deeds, []);
  raise("SIGINT");
  assert.deepEqual(deeds, ["shutDown"]);
});
