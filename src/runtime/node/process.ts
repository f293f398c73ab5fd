// Facts about this process, from Node itself.
import { availableParallelism, totalmem } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { ProcessInfo } from "../runtime.js";

export class NodeProcess implements ProcessInfo {
  readonly pid = process.pid;
  readonly executable = process.argv[1] ?? process.execPath;
  readonly platform = process.platform;
  readonly arch = process.arch;
  readonly engine = engineName();
  readonly cores = availableParallelism();
  private lastCpuMicros = 0;
  private lastMs = 0;

  env(name: string): string | undefined {
    return process.env[name];
  }

  memoryBytes(): number {
    return process.memoryUsage.rss();
  }

  memoryLimitBytes(): number {
    // 0, or more than any machine has, without a limit.
    const constrained = process.constrainedMemory();
    return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  }

  trimMemory(): void {
    // Bun has no such flag.
    if (process.versions["bun"] !== undefined) return;
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    setFlagsFromString("--no-expose-gc");
    if (typeof collect === "function") collect();
  }

  cpuPercent(): number {
    const { user, system } = process.cpuUsage();
    // performance.now() counts from the start of the process, as cpuUsage does.
    const nowMs = performance.now();
    const elapsedMicros = (nowMs - this.lastMs) * 1000;
    const used = user + system - this.lastCpuMicros;
    this.lastCpuMicros = user + system;
    this.lastMs = nowMs;
    return elapsedMicros > 0 ? (used / elapsedMicros) * 100 : 0;
  }
}

function engineName(): string {
  const versions: Record<string, string | undefined> = process.versions;
  return versions.bun === undefined ? `node${process.versions.node}` : `bun${versions.bun}`;
}
