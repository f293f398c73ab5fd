// Subcommands run in this process: on a simulated disk and clock, with what they print and which files they keep secret.
import { dirname } from "node:path";
import { authGroup } from "../../src/cli/auth/group.js";
import { configGroup } from "../../src/cli/config-commands.js";
import type { Host } from "../../src/cli/host.js";
import { type CommandGroup, runCommand } from "../../src/cli/subcommand.js";
import { type SimulatedRuntime, simulatedRuntime } from "../../src/runtime/simulated/index.js";

export interface CommandEnd {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What an answer says about a JWT. */
export interface ShownJwt {
  readonly name: string;
  readonly publicKey: string;
  readonly issuer: string;
  readonly issuedAt: number;
  readonly expires?: number;
  readonly jwt: string;
  readonly seed?: string;
  readonly creds?: string;
  readonly nats: Readonly<Record<string, unknown>>;
}

/** A folder with operator ACME, after these further commands of `natsnode auth`. */
export async function worldWithOperator(...commands: readonly string[]): Promise<CommandWorld> {
  const world = new CommandWorld();
  for (const command of ["operator add ACME", ...commands]) await world.answer(...command.split(" "));
  return world;
}

export class CommandWorld {
  readonly runtime: SimulatedRuntime = simulatedRuntime({ seed: 1 });
  /** Paths of the files written for their owner alone. */
  readonly secretFiles = new Set<string>();
  /** What standard input says. */
  input = "";

  /** Runs `natsnode auth ...`. */
  auth(...argv: string[]): Promise<CommandEnd> {
    return this.run(authGroup, argv);
  }

  /** Runs `natsnode config ...`. */
  config(...argv: string[]): Promise<CommandEnd> {
    return this.run(configGroup, argv);
  }

  async run(group: CommandGroup, argv: readonly string[]): Promise<CommandEnd> {
    let out = "";
    let err = "";
    const host = {
      stdout: (text: string) => {
        out += text;
      },
      stderr: (text: string) => {
        err += text;
      },
      readSecret: async () => this.input,
      writeSecret: (path: string, text: string) => {
        this.secretFiles.add(path);
        this.write(path, text);
      },
    } as Partial<Host> as Host;
    const code = await runCommand(group, argv, host, { runtime: this.runtime });
    return { code, out, err };
  }

  /** Runs a command that must succeed, and returns its answer in JSON. */
  async answer<T = Record<string, unknown>>(...argv: string[]): Promise<T> {
    const { code, out, err } = await this.auth(...argv, "--json");
    if (code !== 0) throw new Error(`${argv.join(" ")}: ${err}`);
    return JSON.parse(out) as T;
  }

  /** As `answer`, for a command whose words hold no blanks and that answers with a JWT. */
  shown(command: string): Promise<ShownJwt> {
    return this.answer<ShownJwt>(...command.split(" "));
  }

  /** Runs a command that must fail, and returns the code of its error. */
  async refused(command: string): Promise<string> {
    const { code, err } = await this.auth(...command.split(" "), "--json");
    if (code === 0) throw new Error(`${command}: not refused`);
    return (JSON.parse(err) as { error: { code: string } }).error.code;
  }

  write(path: string, text: string): void {
    this.runtime.disk.makeDirectorySync(dirname(path));
    this.runtime.disk.writeSync(path, text);
  }

  read(path: string): string {
    return this.runtime.disk.readSync(path).toString("utf8");
  }

  has(path: string): boolean {
    return this.runtime.disk.statSync(path) !== undefined;
  }
}
