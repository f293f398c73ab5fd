// Subcommands of the program, `natsnode auth ...` and `natsnode config ...`: what a command is, how its words and options
// are read, its usage text, and how it answers.
import { parseArgs } from "node:util";
import { nearestName } from "../options/nearest.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Host } from "./host.js";
import type { LabParts } from "./lab/lab.js";

export type CommandErrorCode =
  | "COMMAND_USAGE"
  | "COMMAND_EXISTS"
  | "COMMAND_UNKNOWN"
  | "COMMAND_INVALID"
  | "COMMAND_FILE"
  | "COMMAND_PUSH";

/** A subcommand that cannot do what it was asked for. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code: CommandErrorCode;

  constructor(code: CommandErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Exit code for words or options that make no command; a command that fails ends with 1. */
const EXIT_USAGE = 2;
const HELP_COLUMN = 34;

export interface CommandOption {
  /** What stands for the value in the usage; without it the option is a switch. */
  readonly value?: string;
  /** May be given many times. */
  readonly many?: true;
  readonly help: string;
}

export type CommandOptions = Readonly<Record<string, CommandOption>>;

export interface Answer {
  /** For people. */
  readonly text: string;
  /** The same for programs, printed as JSON with `--json`. */
  readonly data: unknown;
  /** Default 0. */
  readonly exitCode?: number;
}

export interface Command {
  /** The words after the group's own: `account add`; "" where the group is one command. */
  readonly words: string;
  /** Operands as the usage shows them: `NAME`, `[NAME]`, `[NAME...]`. */
  readonly operands: readonly string[];
  readonly summary: string;
  readonly options: CommandOptions;
  run(call: Call): Answer | Promise<Answer>;
}

export interface CommandGroup {
  readonly word: string;
  readonly summary: string;
  /** Options that every command of the group takes. */
  readonly options: CommandOptions;
  readonly commands: readonly Command[];
}

/** What commands work with. */
export interface CommandParts {
  readonly runtime: Runtime;
  /** What makes the servers of `natsnode lab`, and the one that tries what is declared. */
  loadLabServer?(): Promise<LabParts["createServer"]>;
}

/** What a command was called with. */
export class Call {
  readonly operands: readonly string[];
  readonly host: Host;
  readonly parts: CommandParts;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(operands: readonly string[], values: Readonly<Record<string, unknown>>, host: Host, parts: CommandParts) {
    this.operands = operands;
    this.#values = values;
    this.host = host;
    this.parts = parts;
  }

  get runtime(): Runtime {
    return this.parts.runtime;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }
  text(name: string): string | undefined {
    return this.#values[name] as string | undefined;
  }
  /** The values of an option that may be given many times; undefined when it was not. */
  texts(name: string): readonly string[] | undefined {
    return this.#values[name] as string[] | undefined;
  }
}

const COMMON: CommandOptions = {
  json: { help: "Answer in JSON" },
  help: { help: "Show this text" },
};

/**
 * Runs the command that the words name.
 * @param argv the arguments after the group's word
 * @returns the exit code: 0, 1 when the command failed, 2 when the words or options make no command
 */
export async function runCommand(
  group: CommandGroup,
  argv: readonly string[],
  host: Host,
  parts: CommandParts,
): Promise<number> {
  const asksForHelp = argv.some((word) => word === "--help" || word === "-h");
  const command = commandOf(group, argv);
  if (asksForHelp || argv.length === 0 || argv[0] === "help") {
    host.stdout(command === undefined ? groupUsage(group) : commandUsage(group, command));
    return 0;
  }
  const json = argv.includes("--json");
  try {
    if (command === undefined) throw new CommandError("COMMAND_USAGE", unknownCommand(group, argv));
    const answer = await command.run(readCall(group, command, argv, host, parts));
    host.stdout(json ? `${JSON.stringify(answer.data, undefined, 2)}\n` : answer.text);
    return answer.exitCode ?? 0;
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown };
    if (typeof code !== "string") throw error;
    const name = [group.word, ...(command === undefined ? [] : wordsOf(command))].join(" ");
    host.stderr(json ? `${JSON.stringify({ error: { code, message } })}\n` : `natsnode ${name}: ${message}\n`);
    if (code !== "COMMAND_USAGE") return 1;
    if (!json) host.stderr(`Try: natsnode ${name} --help\n`);
    return EXIT_USAGE;
  }
}

/** The command with the most words that `argv` begins with. */
function commandOf(group: CommandGroup, argv: readonly string[]): Command | undefined {
  let best: Command | undefined;
  for (const command of group.commands) {
    const words = wordsOf(command);
    const fits = words.every((word, i) => argv[i] === word);
    if (fits && (best === undefined || words.length > wordsOf(best).length)) best = command;
  }
  return best;
}

function wordsOf({ words }: Command): string[] {
  return words === "" ? [] : words.split(" ");
}

function unknownCommand(group: CommandGroup, argv: readonly string[]): string {
  const end = argv.findIndex((word) => word.startsWith("-"));
  const said = argv.slice(0, Math.min(3, end < 0 ? argv.length : end)).join(" ");
  const known = group.commands.map(({ words }) => words);
  const below = known.filter((words) => words.startsWith(`${argv[0]} `));
  const near = nearestName(said, known) ?? nearestName(said.split(" ").slice(0, 2).join(" "), known);
  const list = below.length > 0 ? `; there is ${below.join(", ")}` : "";
  return `no command "${said}"${near === undefined ? list : `, did you mean "${near}"?`}`;
}

function readCall(
  group: CommandGroup,
  command: Command,
  argv: readonly string[],
  host: Host,
  parts: CommandParts,
): Call {
  const known: CommandOptions = { ...command.options, ...group.options, ...COMMON };
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { value, many }]) => [
      name,
      { type: value === undefined ? ("boolean" as const) : ("string" as const), multiple: many === true },
    ]),
  );
  const args = argv.slice(wordsOf(command).length);
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new CommandError("COMMAND_USAGE", wrongOption(error as Error, Object.keys(known)), error);
  }
  const { operands } = command;
  const required = operands.filter((operand) => !operand.startsWith("["));
  const given = parsed.positionals;
  if (given.length < required.length) {
    throw new CommandError("COMMAND_USAGE", `${required.slice(given.length).join(" and ")} missing`);
  }
  const takesRest = operands.at(-1)?.endsWith("...]") === true;
  if (!takesRest && given.length > operands.length) {
    throw new CommandError("COMMAND_USAGE", `unexpected "${given[operands.length]}"`);
  }
  return new Call(given, parsed.values, host, parts);
}

function wrongOption(error: Error, known: readonly string[]): string {
  const name = /^Unknown option '--([^']+)'/.exec(error.message)?.[1];
  if (name === undefined) return error.message.split("\n")[0];
  const near = nearestName(name, known);
  return `no option --${name}${near === undefined ? "" : `, did you mean --${near}?`}`;
}

/** The commands of a group, a line each. */
function groupUsage(group: CommandGroup): string {
  const rows = group.commands.map((command) => row(headOf(command), command.summary));
  return [
    `Usage: natsnode ${group.word} COMMAND [options]`,
    "",
    group.summary,
    "",
    "Commands:",
    ...rows,
    "",
    "Options of all commands:",
    ...optionRows({ ...group.options, ...COMMON }),
    "",
  ].join("\n");
}

function commandUsage(group: CommandGroup, command: Command): string {
  const own = Object.keys(command.options).length > 0 ? ["", "Options:", ...optionRows(command.options)] : [];
  return [
    `Usage: natsnode ${[group.word, headOf(command)].join(" ")} [options]`,
    "",
    command.summary,
    ...own,
    "",
    "Options of all commands:",
    ...optionRows({ ...group.options, ...COMMON }),
    "",
  ].join("\n");
}

const headOf = (command: Command): string => [...wordsOf(command), ...command.operands].join(" ");

function optionRows(options: CommandOptions): string[] {
  return Object.entries(options).map(([name, { value, many, help }]) => {
    const often = many ? " (may be repeated)" : "";
    return row(`--${name}${value === undefined ? "" : ` ${value}`}`, help + often);
  });
}

function row(head: string, help: string): string {
  if (head.length < HELP_COLUMN - 3) return `  ${head.padEnd(HELP_COLUMN - 2)}${help}`;
  return `  ${head}\n${" ".repeat(HELP_COLUMN)}${help}`;
}
