// natsnode config: everything that is wrong with a configuration file, what it comes to, and the schema of all options.
import { ConfigError } from "../config/decode-errors.js";
import { ConfigSyntaxError, excerptOf, formatPosition } from "../config/errors.js";
import { ConfigFileError, type LoadedConfig, loadConfig } from "../config/load.js";
import type { Position } from "../config/syntax.js";
import { decodeConfigText } from "../config/text.js";
import { checkForStart } from "../options/check.js";
import { OptionsError } from "../options/errors.js";
import { resolveOptions } from "../options/options.js";
import { optionsSchema } from "../options/schema.js";
import { unbuiltIn } from "../options/unbuilt.js";
import { COMPATIBILITY_VERSION } from "../protocol/version.js";
import { printedData, printedText } from "./config-print.js";
import { declaredObjections } from "./declared-check.js";
import type { Answer, Call, CommandGroup } from "./subcommand.js";

/** `error`: no server starts with it. `warning`: it starts. `unbuilt`: it starts, and the option has no effect. */
type Severity = "error" | "warning" | "unbuilt";

interface Finding {
  readonly severity: Severity;
  readonly message: string;
  readonly position?: Position | undefined;
  /** The line and a caret below the place. */
  readonly excerpt?: string | undefined;
}

export const configGroup: CommandGroup = {
  word: "config",
  summary: "Checks and shows configuration files. Nothing is started.",
  options: {},
  commands: [
    {
      words: "check",
      operands: ["FILE"],
      summary:
        "Show everything that is wrong with a file, with its place; exit code 1 when no server would start with it.",
      options: { strict: { help: "Warnings, and options without effect, count as errors" } },
      run: checkConfig,
    },
    {
      words: "print",
      operands: ["FILE"],
      summary:
        "Show what a file comes to, included files and variables filled in, secrets left out, with the place of each option.",
      options: { defaults: { help: "Also show the options that have their defaults" } },
      run: printConfig,
    },
    {
      words: "schema",
      operands: [],
      summary: "Show the JSON Schema of all options, under their names in the library.",
      options: {},
      run: () => ({ text: `${JSON.stringify(optionsSchema(), undefined, 2)}\n`, data: optionsSchema() }),
    },
  ],
};

async function checkConfig(call: Call): Promise<Answer> {
  const [file] = call.operands;
  const { findings, digest } = await examine(call, file);
  const counts = { error: 0, warning: 0, unbuilt: 0 };
  for (const { severity } of findings) counts[severity] += 1;
  const isValid = counts.error === 0 && (!call.flag("strict") || findings.length === 0);
  const lines = findings.map(({ severity, message, position, excerpt }) => {
    const place = position === undefined ? "" : `${formatPosition(position)}: `;
    const shown = excerpt === undefined || excerpt === "" ? "" : `${excerpt.replace(/^/gm, "    ")}\n`;
    return `${place}${severity === "unbuilt" ? "not built yet" : severity}: ${message}\n${shown}`;
  });
  const summary = isValid ? `${file} is valid${digest === undefined ? "" : ` (${digest})`}` : `${file} is not valid`;
  const data = {
    file,
    valid: isValid,
    digest,
    findings: findings.map(({ position, ...rest }) => ({ ...rest, ...position })),
  };
  return { text: `${lines.join("")}${summary}${countsText(counts)}\n`, data, exitCode: isValid ? 0 : 1 };
}

function countsText(counts: Readonly<Record<Severity, number>>): string {
  const some = (count: number, word: string): string[] =>
    count === 0 ? [] : [`${count} ${word}${count === 1 ? "" : "s"}`];
  const unbuilt = counts.unbuilt === 0 ? [] : [`${counts.unbuilt} not built yet`];
  const parts = [...some(counts.error, "error"), ...some(counts.warning, "warning"), ...unbuilt];
  return parts.length > 0 ? `: ${parts.join(", ")}` : "";
}

async function examine(call: Call, file: string): Promise<{ findings: Finding[]; digest?: string }> {
  const { disk } = call.runtime;
  let config: LoadedConfig;
  const findings: Finding[] = [];
  const texts = new Map<string, string>();
  const find = (severity: Severity, message: string, position: Position | undefined): void => {
    findings.push({ severity, message, position, excerpt: position && excerptIn(position) });
  };
  const excerptIn = (position: Position): string => {
    const text = texts.get(position.file) ?? readText(position.file);
    texts.set(position.file, text);
    return excerptOf(text, position);
  };
  const readText = (path: string): string => {
    try {
      return decodeConfigText(disk.readSync(path));
    } catch {
      return "";
    }
  };
  try {
    config = load(call, file);
  } catch (error) {
    if (error instanceof ConfigSyntaxError) {
      const { reason: message, position, excerpt } = error;
      return { findings: [{ severity: "error", message, position, excerpt }] };
    }
    if (error instanceof ConfigFileError) return { findings: [{ severity: "error", message: error.message }] };
    if (!(error instanceof ConfigError)) throw error;
    for (const { message, position } of error.issues) find("error", message, position);
    for (const { message, position } of error.warnings) find("warning", message, position);
    return { findings: inOrder(findings) };
  }
  for (const { message, position } of config.warnings) find("warning", message, position);
  const { refuse, announce } = unbuiltIn(config.options, config.positions);
  for (const { reason, where } of refuse) find("error", reason, where);
  for (const { path, where } of announce) find("unbuilt", `${path} has no effect in this version`, where);
  try {
    const options = resolveOptions(config.options);
    checkForStart(options, COMPATIBILITY_VERSION);
    for (const line of await declaredObjections(options, call.parts.loadLabServer)) find("error", line, undefined);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    find("error", error.message, placeOf(error.path, config.positions));
  }
  return { findings: inOrder(findings), digest: config.digest };
}

/** The place of an option, or of the nearest one around it that the file names. */
function placeOf(path: string, positions: ReadonlyMap<string, Position>): Position | undefined {
  for (let at = path; at !== ""; at = at.replace(/(?:^|[.[])[^.[]*$/, "")) {
    const position = positions.get(at);
    if (position !== undefined) return position;
  }
  return undefined;
}

/** In the order of the file; what stands in other files, or nowhere, comes after. */
function inOrder(findings: readonly Finding[]): Finding[] {
  const files = [...new Set(findings.map(({ position }) => position?.file))];
  const rank = ({ position }: Finding): number =>
    position === undefined ? files.length : files.indexOf(position.file);
  return findings.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      (a.position?.line ?? 0) - (b.position?.line ?? 0) ||
      (a.position?.column ?? 0) - (b.position?.column ?? 0),
  );
}

function printConfig(call: Call): Answer {
  const config = load(call, call.operands[0]);
  const resolved = resolveOptions(config.options);
  const shown = { given: config.options, resolved, positions: config.positions, defaults: call.flag("defaults") };
  return { text: printedText(shown), data: printedData(shown) };
}

function load(call: Call, file: string): LoadedConfig {
  const { disk, process } = call.runtime;
  return loadConfig(file, { disk, env: (name) => process.env(name) });
}
