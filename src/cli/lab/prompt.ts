// The commands of the lab's prompt: one line each, such as `cut n1 n2` or `slow east west 80ms`.
import { nearestName } from "../../options/nearest.js";
import type { Clock } from "../../runtime/clock.js";
import { CommandError } from "../subcommand.js";
import type { Lab } from "./lab.js";

interface PromptCommand {
  readonly operands: string;
  readonly help: string;
  /** What to print. */
  run(lab: Lab, words: readonly string[], clock: Clock): string | Promise<string>;
}

const COMMANDS: Readonly<Record<string, PromptCommand>> = {
  __proto__: null as never,
  status: {
    operands: "",
    help: "The servers, their URLs, and how the links are",
    run: (lab) => lab.status().join("\n"),
  },
  ask: {
    operands: "SERVER [TIMES]",
    help: "Sends requests from a server (10) and tells which servers answered them",
    run: async (lab, [server, times = "10"]) => askText(server, await lab.ask(server, countOf(times))),
  },
  mute: {
    operands: "SERVER",
    help: "Its service answers no more requests: others have to",
    run: (lab, [server]) => {
      lab.serve(server, false);
      return `${server} answers no requests`;
    },
  },
  unmute: {
    operands: "SERVER",
    help: "Its service answers again",
    run: (lab, [server]) => {
      lab.serve(server, true);
      return `${server} answers requests`;
    },
  },
  stop: {
    operands: "SERVER",
    help: "Ends a server at once",
    run: async (lab, [server]) => {
      await lab.stopServer(server);
      return `${server} is stopped`;
    },
  },
  start: {
    operands: "SERVER",
    help: "Starts a server that was stopped",
    run: async (lab, [server]) => {
      await lab.startServer(server);
      return `${server} runs at ${lab.urlOf(server)}`;
    },
  },
  duck: {
    operands: "SERVER",
    help: "Lame duck mode: moves the clients of a server away, then ends it",
    run: (lab, [server]) => {
      lab.lameDuck(server);
      return `${server} sends its clients away`;
    },
  },
  cut: {
    operands: "A B",
    help: "Cuts the links between two servers or groups: connections are closed",
    run: (lab, [a, b]) => linksText(lab.shape(a, b, { cut: true }), "cut"),
  },
  stall: {
    operands: "A B",
    help: "Lets nothing through, as when packets are lost: connections stay open",
    run: (lab, [a, b]) => linksText(lab.shape(a, b, { stalled: true }), "stalled"),
  },
  slow: {
    operands: "A B MS",
    help: "Adds a latency in each direction; 0 for none",
    run: (lab, [a, b, ms]) => {
      const latencyMs = countOf(ms.replace(/ms$/, ""));
      return linksText(lab.shape(a, b, { latencyMs }), `slowed by ${latencyMs} ms`);
    },
  },
  heal: {
    operands: "[A B]",
    help: "Makes links good again, all of them without names",
    run: (lab, [a, b]) => {
      if (a !== undefined && b === undefined) throw wrong("heal");
      if (a === undefined || b === undefined) {
        lab.healAll();
        return "all links are healed";
      }
      return linksText(lab.shape(a, b, { cut: false, stalled: false, latencyMs: 0 }), "healed");
    },
  },
  wait: {
    operands: "MS",
    help: "Does nothing for a while",
    run: async (_, [ms], clock) => {
      await new Promise<void>((resolve) => void clock.after(countOf(ms.replace(/ms$/, "")), resolve));
      return "";
    },
  },
  formed: {
    operands: "",
    help: "Waits until the servers of each cluster know each other",
    run: async (lab) => {
      if (await lab.formed()) return "formed";
      throw new CommandError("COMMAND_INVALID", "the servers do not all know each other");
    },
  },
  help: { operands: "", help: "This text", run: () => promptHelp() },
};

/** The words that end the lab. */
const ENDS = ["quit", "exit"];

/**
 * Carries out one line. Returns what to print; undefined: the lab is to end.
 * @throws {CommandError} COMMAND_UNKNOWN, COMMAND_USAGE, COMMAND_INVALID
 */
export async function runLine(lab: Lab, line: string, clock: Clock): Promise<string | undefined> {
  const [word, ...words] = line.trim().split(/\s+/);
  if (word === "") return "";
  if (ENDS.includes(word)) return undefined;
  const command = COMMANDS[word];
  if (command === undefined) {
    const near = nearestName(word, [...Object.keys(COMMANDS), ...ENDS]);
    const hint = near === undefined ? "try help" : `did you mean "${near}"?`;
    throw new CommandError("COMMAND_UNKNOWN", `no command "${word}", ${hint}`);
  }
  const operands = command.operands.split(" ").filter((operand) => operand !== "");
  const least = operands.filter((operand) => !/[[\]]/.test(operand)).length;
  if (words.length < least || words.length > operands.length) throw wrong(word);
  return command.run(lab, words, clock);
}

/** The commands, a line each. */
export function promptHelp(): string {
  const rows = Object.entries(COMMANDS).map(
    ([word, { operands, help }]) => `  ${`${word} ${operands}`.padEnd(24)}${help}`,
  );
  return [...rows, `  ${"quit".padEnd(24)}Ends all servers and the lab`].join("\n");
}

function wrong(word: string): CommandError {
  return new CommandError("COMMAND_USAGE", `usage: ${`${word} ${COMMANDS[word].operands}`.trim()}`);
}

function countOf(text: string): number {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(count)) throw new CommandError("COMMAND_USAGE", `"${text}" is no number`);
  return count;
}

const linksText = (count: number, what: string): string => `${count} ${count === 1 ? "link is" : "links are"} ${what}`;

function askText(
  server: string,
  { served, lost, meanMs }: { served: Map<string, number>; lost: number; meanMs: number },
): string {
  const shares = [...served].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${name} ${count}`);
  const missing = lost === 0 ? "" : `, ${lost} without an answer`;
  return `asked at ${server}, served by: ${shares.join(", ") || "nobody"}${missing} (${meanMs.toFixed(1)} ms each)`;
}
