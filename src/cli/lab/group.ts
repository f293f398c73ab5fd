// `natsnode lab`: a named topology on this machine, and a prompt to break and mend it.
import {
  type Answer,
  type Call,
  type Command,
  CommandError,
  type CommandGroup,
  type CommandOptions,
} from "../subcommand.js";
import { Lab } from "./lab.js";
import { runLine } from "./prompt.js";
import { clusterTopology, type LabServer, leafTopology, superClusterTopology } from "./topologies.js";

const MOST_SERVERS = 30;
const PROMPT = "lab> ";

const COMMON: CommandOptions = {
  port: { value: "PORT", help: "Listeners get ports from here on; default: free ones" },
  do: { value: "COMMAND", many: true, help: "Carries out a command of the prompt, then the next, and ends" },
};

const number = (name: string, standard: number): CommandOptions => ({
  [name]: { value: "N", help: `How many; default ${standard}` },
});

function command(
  words: string,
  summary: string,
  options: CommandOptions,
  topology: (call: Call) => LabServer[],
  before: readonly string[] = [],
): Command {
  return {
    words,
    operands: [],
    summary,
    options: { ...options, ...COMMON },
    run: (call) => runLab(call, topology(call), before),
  };
}

export const labGroup: CommandGroup = {
  word: "lab",
  summary: "Starts a topology of servers in this process, to learn and to test what happens when parts of it fail.",
  options: {},
  commands: [
    command("cluster", "Servers joined by routes", number("servers", 3), (call) =>
      clusterTopology(sizeOf(call, "servers", 3)),
    ),
    command(
      "super-cluster",
      "Three clusters joined by gateways, with the latencies of distant regions",
      number("servers", 3),
      (call) => superClusterTopology(["east", "west", "asia"], sizeOf(call, "servers", 3)),
      ["slow east west 30", "slow east asia 90", "slow west asia 60"],
    ),
    command(
      "leaf-nodes",
      "A hub of servers joined by routes, and leaf nodes",
      { ...number("hubs", 3), ...number("leafs", 3) },
      (call) => leafTopology(sizeOf(call, "hubs", 3), sizeOf(call, "leafs", 3)),
    ),
  ],
};

function sizeOf(call: Call, name: string, standard: number): number {
  const text = call.text(name);
  if (text === undefined) return standard;
  const size = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (size >= 1 && size <= MOST_SERVERS) return size;
  throw new CommandError("COMMAND_USAGE", `--${name} is a number from 1 to ${MOST_SERVERS}`);
}

async function runLab(call: Call, topology: LabServer[], before: readonly string[]): Promise<Answer> {
  const { host, runtime, parts } = call;
  const createServer = await parts.loadLabServer?.();
  if (createServer === undefined) throw new CommandError("COMMAND_INVALID", "servers cannot be made here");
  const port = call.text("port");
  if (port !== undefined && !(Number(port) > 0 && Number(port) < 65_000)) {
    throw new CommandError("COMMAND_USAGE", "--port is a port number");
  }
  const lab = new Lab({ runtime, createServer });
  const say = (text: string): void => host.stdout(text === "" ? "" : `${text}\n`);
  try {
    await lab.start(topology, port === undefined ? undefined : Number(port));
    for (const line of before) await runLine(lab, line, runtime.clock);
    await lab.formed();
    for (const name of lab.names) say(`${name}  ${lab.urlOf(name)}`);
    const lines = call.texts("do");
    if (lines === undefined) await converse(call, lab, say);
    else for (const line of lines) say((await runLine(lab, line, runtime.clock)) ?? "");
  } finally {
    await lab.close();
  }
  return { text: "", data: { servers: lab.names } };
}

async function converse({ host, runtime }: Call, lab: Lab, say: (text: string) => void): Promise<void> {
  say("help tells what can be done here");
  for await (const line of host.lines(PROMPT)) {
    try {
      const text = await runLine(lab, line, runtime.clock);
      if (text === undefined) return;
      say(text);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      say(error.message);
    }
  }
}
