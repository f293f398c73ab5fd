// The program: reads its arguments and runs a server, or does the one thing that it was asked for instead.
import { FlagError } from "./flag-set.js";
import { type CommandLine, flagOn, flagText, readCommandLine, redactArguments } from "./flags.js";
import type { Host } from "./host.js";
import { ProgramLog } from "./log.js";
import { logLevels, openLog } from "./open-log.js";
import { Program, type ProgramParts } from "./program.js";
import { sendSignal } from "./send-signal.js";
import { checkFile, checkSettings, readSettings, type Settings } from "./settings.js";
import { listenerRefusal } from "./start-failure.js";
import { type CommandGroup, runCommand } from "./subcommand.js";
import { tlsHelp, usage, versionLine } from "./usage.js";

/** What is no server, by its first word; loaded only when asked for. nats-server refuses such words. */
const subcommands: Readonly<Record<string, () => Promise<CommandGroup>>> = {
  __proto__: null as never,
  auth: async () => (await import("./auth/group.js")).authGroup,
  closest: async () => (await import("./closest-command.js")).closestGroup,
  config: async () => (await import("./config-commands.js")).configGroup,
  lab: async () => (await import("./lab/group.js")).labGroup,
};

class ArgumentError extends Error {
  override readonly name = "ArgumentError";
  readonly code = "NATS_ARGUMENT";
}

/**
 * Runs the program to its end.
 * @param argv its arguments, without the program's own name
 * @returns the exit code; that of a wrong flag is 0, as nats-server has it
 */
export async function main(argv: readonly string[], host: Host, parts: ProgramParts): Promise<number> {
  const group = await subcommands[argv[0]]?.();
  if (group !== undefined) return runCommand(group, argv.slice(1), host, parts);
  let line: CommandLine;
  try {
    line = readCommandLine(argv);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    host.stderr(`${error.message}\n`);
    host.stdout(usage());
    return 0;
  }
  const text = information(line);
  if (text !== undefined) {
    host.stdout(text);
    return 0;
  }
  host.setTitle([host.programName, ...redactArguments(argv)].join(" "));
  try {
    return await carryOut(line, host, parts);
  } catch (error) {
    const { code, message, stack } = error as Error & { code?: unknown };
    host.stderr(`nats-server: ${typeof code === "string" ? message : (stack ?? error)}\n`);
    return 1;
  }
}

/** The text that was asked for instead of a server. */
function information(line: CommandLine): string | undefined {
  if (flagOn(line, "version")) return versionLine;
  if (flagOn(line, "help")) return usage();
  if (flagOn(line, "help_tls")) return tlsHelp();
  const word = line.words[0]?.toLowerCase();
  if (word === "version") return versionLine;
  return word === "help" ? usage() : undefined;
}

async function carryOut(line: CommandLine, host: Host, parts: ProgramParts): Promise<number> {
  if (line.words.length > 0) throw new ArgumentError(`unrecognized command: ${JSON.stringify(line.words[0])}`);
  const { runtime } = parts;
  const signal = flagText(line, "signal");
  if (signal) {
    sendSignal(signal, host, runtime.disk);
    return 0;
  }
  const configFile = flagText(line, "config");
  if (flagOn(line, "t")) {
    if (!configFile) throw new ArgumentError("must specify [-c, --config] option to check configuration file syntax");
    const digest = await checkFile(configFile, line, runtime, parts.loadLabServer);
    host.stderr(`nats-server: configuration file ${configFile} is valid (${digest})\n`);
    return 0;
  }
  const settings = readSettings(line, "start", runtime);
  for (const warning of settings.warnings) host.stderr(`${warning}\n`);
  const refusal = listenerRefusalOf(settings);
  const log = new ProgramLog(await openLog(settings.options, runtime, host), logLevels(settings.options));
  host.onCrash((error) => {
    log.fatal(error instanceof Error ? (error.stack ?? error.message) : String(error));
    void log.close().then(() => host.exit(1));
  });
  if (refusal !== undefined) {
    log.fatal(refusal);
    await log.close();
    return 1;
  }
  try {
    const createServer = await parts.loadServer();
    const read = (): Settings => readSettings(line, "reload", runtime);
    return await new Program(host, { runtime, createServer }, log, settings, read).run();
  } finally {
    await log.close();
  }
}

/** What the log's last line will be, if a listener objects to the options. Throws what is refused before there is a log. */
function listenerRefusalOf(settings: Settings): string | undefined {
  try {
    checkSettings(settings);
    return undefined;
  } catch (error) {
    const refusal = listenerRefusal(error);
    if (refusal === undefined) throw error;
    return refusal;
  }
}
