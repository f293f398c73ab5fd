// natsnode closest: how far servers are from here, the nearest first.

import { parseDurationMs } from "../config/decode-values.js";
import { measureServers, type ServerDistance } from "../gateways/closest-servers.js";
import { type Answer, type Call, CommandError, type CommandGroup } from "./subcommand.js";

export const closestGroup: CommandGroup = {
  word: "closest",
  summary: "Finds the nearest of several servers.",
  options: {},
  commands: [
    {
      words: "",
      operands: ["URL", "[URL...]"],
      summary:
        "Measure the round trips to servers from here and list them, the nearest first; exit code 1 if none is reached.",
      options: {
        urls: { help: "Print the URLs that can be reached, with commas between, for the -s of other tools" },
        timeout: { value: "TIME", help: "Time for a server to answer, as 500ms or 2s (default 2s)" },
      },
      run: closest,
    },
  ],
};

async function closest(call: Call): Promise<Answer> {
  const urls = call.operands.flatMap((operand) => operand.split(",")).filter((url) => url !== "");
  const timeout = call.text("timeout");
  let servers: ServerDistance[];
  try {
    const options = timeout === undefined ? {} : { timeoutMs: timeoutOf(timeout) };
    servers = await measureServers(urls, call.runtime, options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new CommandError("COMMAND_USAGE", error.message, error);
  }
  const reached = servers.filter(({ rttMs }) => rttMs !== undefined);
  const text = call.flag("urls") ? `${reached.map(({ url }) => url).join(",")}\n` : servers.map(rowOf).join("");
  return { text, data: servers, exitCode: reached.length > 0 ? 0 : 1 };
}

function timeoutOf(text: string): number {
  try {
    const ms = parseDurationMs(text);
    if (ms > 0) return ms;
  } catch (error) {
    throw new CommandError("COMMAND_USAGE", `--timeout: ${(error as Error).message}`, error);
  }
  throw new CommandError("COMMAND_USAGE", `--timeout: ${text} is no time to wait`);
}

function rowOf({ url, rttMs, serverName, cluster, lameDuck, error }: ServerDistance): string {
  const shown = url.replace(/^([a-z]+:\/\/)?[^@/]*@/i, "$1***@");
  const distance = rttMs === undefined ? "unreachable" : `${rttMs.toFixed(2)} ms`;
  const who = [cluster, serverName].filter((name) => name !== undefined).join("/");
  const notes = [who, lameDuck ? "lame duck" : "", error ?? ""].filter((note) => note !== "").join(", ");
  return `${distance.padStart(11)}  ${shown}${notes === "" ? "" : `  (${notes})`}\n`;
}
