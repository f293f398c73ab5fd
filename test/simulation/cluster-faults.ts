// What goes wrong between simulated servers: each fault begins, lasts a while and is mended. How long they may then take
// to be whole depends on whether everybody was told of it.
import type { LinkOptions, SimulatedHost, SimulatedRuntime } from "../../src/runtime/simulated/index.js";
import type { Server } from "../../src/server/server.js";
import { PING_INTERVAL_MS, PING_MAX } from "./cluster-plan.js";
import type { Draw } from "./draw.js";

/** After faults that close connections, and after those that nobody is told of. */
const CLOSING_LIMIT_MS = 4_000;
const SILENT_LIMIT_MS = (PING_MAX + 1) * PING_INTERVAL_MS + 4_000;

export interface FaultyNode {
  readonly name: string;
  readonly host: SimulatedHost;
  readonly server: Server;
}

/** Servers that faults can happen to. */
export interface FaultyWorld {
  readonly runtime: SimulatedRuntime;
  readonly running: readonly FaultyNode[];
  readonly plan: { readonly link: LinkOptions };
  /** Two servers with something between them. */
  pair(draw: Draw): readonly FaultyNode[];
  /** Time that these two, or any two, may need beyond the common limits. */
  extraMs(a?: string, b?: string): number;
  start(name: string): Promise<unknown>;
  lost(name: string): void;
}

export interface Fault {
  readonly text: string;
  readonly lastsMs: number;
  /** Within this time of its end all servers must be connected and know each other's interest. */
  readonly limitMs: number;
  begin(): void | Promise<void>;
  end(): void | Promise<void>;
}

type Kind = "server" | "silent" | "closing" | "freeze" | "partition";
export const FAULT_KINDS: readonly Kind[] = ["server", "silent", "closing", "freeze", "partition"];

/** Tells which servers' clients have lost their connections. */
type Downed = (node: FaultyNode) => void;

export function drawFault(kind: Kind, world: FaultyWorld, draw: Draw, downed: Downed): Fault {
  switch (kind) {
    case "server":
      return serverFault(world, draw, downed);
    case "silent":
      return silentFault(world, draw);
    case "closing":
      return closingFault(world, draw);
    case "freeze":
      return freezeFault(world, draw);
    case "partition":
      return partition(world, draw);
  }
}

function serverFault(world: FaultyWorld, draw: Draw, downed: Downed): Fault {
  const node = draw.pick(world.running);
  const { name, host } = node;
  const how = draw.pick(["kill", "crash", "stop"]);
  return {
    text: `${how} ${name}`,
    lastsMs: draw.between(0, 3000),
    limitMs: (how === "crash" ? SILENT_LIMIT_MS : CLOSING_LIMIT_MS) + world.extraMs(),
    begin: async () => {
      downed(node);
      if (how === "stop") await world.runtime.clock.settle(node.server.close());
      else if (how === "kill") host.kill();
      else host.crash();
      world.lost(name);
    },
    end: async () => {
      host.restart();
      await world.start(name);
    },
  };
}

function silentFault(world: FaultyWorld, draw: Draw): Fault {
  const [a, b] = world.pair(draw).map(({ name }) => name);
  const { wires } = world.runtime;
  const how = draw.pick(["both ways", "one way", "half open"]);
  return {
    text: `silent cut, ${how}, from ${a} to ${b}`,
    lastsMs: draw.between(100, 5000),
    limitMs: SILENT_LIMIT_MS + world.extraMs(a, b),
    begin: () => {
      if (how === "half open") wires.halfOpen(a, b);
      else wires.cutSilently(a, b, { oneWay: how === "one way" });
    },
    end: () => wires.heal(a, b),
  };
}

function closingFault(world: FaultyWorld, draw: Draw): Fault {
  const [a, b] = world.pair(draw).map(({ name }) => name);
  const { wires } = world.runtime;
  const isReset = draw.chance(0.4);
  return {
    text: `${isReset ? "reset" : "cut"} between ${a} and ${b}`,
    lastsMs: draw.between(0, 4000),
    limitMs: CLOSING_LIMIT_MS + world.extraMs(a, b),
    begin: () => {
      if (isReset) wires.reset(a, b);
      else wires.cut(a, b);
    },
    end: () => wires.heal(a, b),
  };
}

function freezeFault(world: FaultyWorld, draw: Draw): Fault {
  const [a, b] = world.pair(draw);
  if (draw.chance(0.3)) {
    const slow = { latencyMs: draw.between(100, 400), jitterMs: 50 };
    return {
      text: `slow link between ${a.name} and ${b.name}`,
      lastsMs: draw.between(500, 3000),
      limitMs: CLOSING_LIMIT_MS + world.extraMs(a.name, b.name),
      begin: () => world.runtime.wires.link(a.name, b.name, slow),
      end: () => world.runtime.wires.link(a.name, b.name, world.plan.link),
    };
  }
  return {
    text: `freeze ${a.name}`,
    lastsMs: draw.between(200, 6000),
    limitMs: SILENT_LIMIT_MS + world.extraMs(),
    begin: () => a.host.freeze(),
    end: () => a.host.thaw(),
  };
}

function partition(world: FaultyWorld, draw: Draw): Fault {
  const names = world.running.map(({ name }) => name);
  const some = draw.some(names, draw.between(1, names.length - 1));
  const pairs = some.flatMap((a) => names.filter((b) => !some.includes(b)).map((b) => [a, b] as const));
  const { wires } = world.runtime;
  const isSilent = draw.chance(0.5);
  return {
    text: `partition, ${isSilent ? "silent" : "closing"}, of ${some.join(" ")}`,
    lastsMs: draw.between(500, 5000),
    limitMs: (isSilent ? SILENT_LIMIT_MS : CLOSING_LIMIT_MS) + world.extraMs(),
    begin: () => {
      for (const [a, b] of pairs) {
        if (isSilent) wires.cutSilently(a, b);
        else wires.cut(a, b);
      }
    },
    end: () => {
      for (const [a, b] of pairs) wires.heal(a, b);
    },
  };
}
