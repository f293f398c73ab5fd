// What a simulated host's process says about itself; tests set the rest.
import type { ProcessInfo } from "../runtime.js";

export class SimulatedProcess implements ProcessInfo {
  readonly pid: number;
  readonly executable = "/usr/local/bin/natsnode";
  readonly platform = "linux";
  readonly arch = "x64";
  readonly engine = "simulated";
  readonly cores = 1;
  /** Environment variables. */
  readonly variables = new Map<string, string>();
  /** What memoryBytes, memoryLimitBytes and cpuPercent answer. */
  residentBytes = 64 * 1024 * 1024;
  machineBytes = 16 * 1024 ** 3;
  usedCpuPercent = 0;

  constructor(pid: number) {
    this.pid = pid;
  }

  env(name: string): string | undefined {
    return this.variables.get(name);
  }

  memoryBytes(): number {
    return this.residentBytes;
  }

  memoryLimitBytes(): number {
    return this.machineBytes;
  }

  trimMemory(): void {}

  cpuPercent(): number {
    return this.usedCpuPercent;
  }
}
