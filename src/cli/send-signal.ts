// `--signal COMMAND[=PID]`: tells a running server to end, to reload, to open its log anew, or to become a lame duck.
import type { Disk } from "../runtime/disk.js";
import type { ControlSignal, Host } from "./host.js";
import { inWords } from "./system-errors.js";

export class SendSignalError extends Error {
  override readonly name = "SendSignalError";
  readonly code = "NATS_SEND_SIGNAL";
}

const SIGNALS: ReadonlyMap<string, ControlSignal | "SIGKILL"> = new Map([
  ["stop", "SIGKILL"],
  ["quit", "SIGINT"],
  ["term", "SIGTERM"],
  ["reopen", "SIGUSR1"],
  ["reload", "SIGHUP"],
  ["ldm", "SIGUSR2"],
]);

/** The names under which a server shows up among the processes of a machine. */
const PROCESS_NAMES = ["nats-server", "natsnode"];

/**
 * Carries out the flag's value. The part behind `=` is a process id, the beginning of ids followed by `*`, or the path of
 * a file that holds one of these; without it the only server of the machine is meant.
 * @throws SendSignalError
 */
export function sendSignal(request: string, host: Pick<Host, "kill" | "processesNamed">, disk: Disk): void {
  const [command, place = "", ...more] = request.split("=");
  if (more.length > 0) throw new SendSignalError(`invalid signal parameters: [${more.join(" ")}]`);
  const expression = readPidFile(place, disk).trim();
  const many = expression.endsWith("*");
  const digits = many ? expression.slice(0, -1) : expression;
  if (digits !== "" && (!/^\d+$/.test(digits) || Number(digits) === 0)) {
    throw new SendSignalError(`invalid pid: ${digits}`);
  }
  const pids = digits !== "" && !many ? [Number(digits)] : running(host, digits, many);
  const signal = SIGNALS.get(command);
  if (signal === undefined) throw new SendSignalError(`unknown signal ${JSON.stringify(command)}`);
  const failures = pids.flatMap((pid) => {
    try {
      host.kill(pid, signal);
      return [];
    } catch (error) {
      return [`signal "${command}" ${pid}: ${inWords(error)}`];
    }
  });
  if (failures.length > 0) throw new SendSignalError(failures.join("\n"));
}

function readPidFile(place: string, disk: Disk): string {
  if (place === "") return place;
  try {
    return disk.readSync(place).toString("latin1");
  } catch {
    return place;
  }
}

function running(host: Pick<Host, "processesNamed">, prefix: string, many: boolean): number[] {
  const pids = host.processesNamed(PROCESS_NAMES);
  if (pids === undefined) throw new SendSignalError("unable to resolve pid, try providing one");
  if (pids.length === 0) throw new SendSignalError("no nats-server processes running");
  if (pids.length > 1 && !many) {
    throw new SendSignalError(`multiple nats-server processes running:\n${pids.join("\n")}`);
  }
  return pids.filter((pid) => String(pid).startsWith(prefix));
}
