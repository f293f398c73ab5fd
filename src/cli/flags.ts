// The program's flags: their names, what they are for, and the option that each of them sets.
import { REDACTED, withoutUrlUsers } from "../options/redact.js";
import { type FlagKind, type FlagValue, parseFlags } from "./flag-set.js";

export interface Flag {
  /** The name shown first comes first; the others are aliases. */
  readonly names: readonly string[];
  readonly kind: FlagKind;
  /** What stands for the value in the usage. */
  readonly value?: string;
  readonly help: string;
  /** The option it sets, as a path of TypeScript names; flags without one are handled by name. */
  readonly option?: readonly string[];
  /** On a reload nats-server takes the file's setting over that of the flag, if the file has one. */
  readonly yieldsOnReload?: true;
}

export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly Flag[];
}

export const FLAG_GROUPS: readonly FlagGroup[] = [
  {
    title: "Server",
    flags: [
      text(["a", "addr", "net"], "<host>", "Address to listen on (default: all)", ["host"]),
      integer(["p", "port"], "<port>", "Port for clients (default: 4222; -1 picks a free one)", ["port"]),
      {
        ...text(["n", "name", "server_name"], "<name>", "Name of this server (default: its id)", ["serverName"]),
        yieldsOnReload: true,
      },
      text(["P", "pid"], "<file>", "Write the process id to this file", ["pidfile"]),
      text(["ports_file_dir"], "<folder>", "Write a file with all open ports into this folder", ["portsFileDir"]),
      integer(["m", "http_port"], "<port>", "Port for monitoring over HTTP", ["httpPort"]),
      {
        ...integer(["ms", "https_port"], "<port>", "Port for monitoring over HTTPS", ["httpsPort"]),
        yieldsOnReload: true,
      },
      text(["c", "config"], "<file>", "Configuration file"),
      boolean(["t"], "Check the configuration file and exit"),
      text(
        ["sl", "signal"],
        "<command>[=<pid>]",
        "Send a command to a running server and exit: ldm, stop, quit, term, reopen or reload; <pid> may also be a pid file",
      ),
      text(["client_advertise"], "<host:port>", "Address that clients are told to connect to", ["clientAdvertise"]),
    ],
  },
  {
    title: "Logging",
    flags: [
      text(["l", "log"], "<file>", "Log to this file instead of standard error", ["logfile"]),
      boolean(["T", "logtime"], "Begin log lines with the time (default: true)", ["logtime"]),
      { ...boolean(["logtime_utc"], "Show that time in UTC", ["logtimeUtc"]), yieldsOnReload: true },
      boolean(["s", "syslog"], "Log to the syslog daemon of this machine", ["syslog"]),
      {
        ...text(["r", "remote_syslog"], "<address>", "Log to a remote syslog daemon (udp://host:514)", [
          "remoteSyslog",
        ]),
        yieldsOnReload: true,
      },
      boolean(["D", "debug"], "Log debugging lines", ["debug"]),
      boolean(["V", "trace"], "Log the protocol", ["trace"]),
      boolean(["VV"], "Log the protocol, the system account's too"),
      boolean(["DV"], "Both of debug and trace"),
      boolean(["DVV"], "As above, with the system account"),
      {
        ...integer(["log_size_limit"], "<bytes>", "Start a new log file past this size (default: never)", [
          "logfileSizeLimitBytes",
        ]),
        yieldsOnReload: true,
      },
      {
        ...integer(["max_traced_msg_len"], "<bytes>", "Cut traced messages at this length (default: never)", [
          "maxTracedMsgBytes",
        ]),
        yieldsOnReload: true,
      },
    ],
  },
  {
    title: "JetStream",
    flags: [
      boolean(["js", "jetstream"], "Turn JetStream on"),
      text(["sd", "store_dir"], "<folder>", "Folder for JetStream's files", ["storeDir"]),
    ],
  },
  {
    title: "Authorization",
    flags: [
      text(["user"], "<name>", "User that clients must connect as", ["authorization", "user"]),
      text(["pass"], "<password>", "Password of that user", ["authorization", "password"]),
      text(["auth"], "<token>", "Token that clients must connect with", ["authorization", "token"]),
    ],
  },
  {
    title: "TLS",
    flags: [
      boolean(["tls"], "Require TLS of clients"),
      text(["tlscert"], "<file>", "Certificate of this server"),
      text(["tlskey"], "<file>", "Private key of that certificate"),
      boolean(["tlsverify"], "Require TLS and a client certificate"),
      text(["tlscacert"], "<file>", "Authorities that client certificates are checked with"),
    ],
  },
  {
    title: "Cluster",
    flags: [
      text(["routes"], "<url>,<url>...", "Servers to connect to"),
      text(["cluster", "cluster_listen"], "<url>", "Address to listen on for routes; empty turns it off"),
      {
        ...text(["cluster_name"], "<name>", "Name of the cluster (default: made up)", ["cluster", "name"]),
        yieldsOnReload: true,
      },
      boolean(["no_advertise"], "Do not tell clients of the other servers", ["cluster", "noAdvertise"]),
      text(["cluster_advertise"], "<host:port>", "Address that other servers are told to connect to", [
        "cluster",
        "advertise",
      ]),
      integer(["connect_retries"], "<count>", "Attempts to connect to a server that was learnt of", [
        "cluster",
        "connectRetries",
      ]),
    ],
  },
  {
    title: "Profiling",
    flags: [integer(["profile"], "<port>", "Port for the profiler", ["profPort"])],
  },
  {
    title: "Common",
    flags: [
      boolean(["h", "help"], "Show this text and exit"),
      boolean(["v", "version"], "Show the version and exit"),
      boolean(["help_tls"], "Show what can be said about TLS and exit"),
    ],
  },
];

const flagByName: ReadonlyMap<string, Flag> = new Map(
  FLAG_GROUPS.flatMap((group) => group.flags.flatMap((flag) => flag.names.map((name) => [name, flag] as const))),
);
const kinds: ReadonlyMap<string, FlagKind> = new Map([...flagByName].map(([name, flag]) => [name, flag.kind]));

/** A command line that was understood. */
export interface CommandLine {
  /** Given flags with their values, in order of last use; aliases already joined. */
  readonly flags: ReadonlyMap<Flag, FlagValue>;
  /** What followed the flags. */
  readonly words: readonly string[];
}

/**
 * Reads the program's arguments.
 * @throws FlagError
 */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const { given, words } = parseFlags(argv, kinds);
  const flags = new Map<Flag, FlagValue>();
  for (const [name, value] of given) {
    const flag = flagByName.get(name)!;
    flags.delete(flag);
    flags.set(flag, value);
  }
  return { flags, words };
}

/** The flag that has this name or alias. */
export function flagNamed(name: string): Flag {
  return flagByName.get(name)!;
}

/** The value of a flag by one of its names; undefined when it was not given. */
export function flagText(line: CommandLine, name: string): string | undefined {
  return line.flags.get(flagNamed(name)) as string | undefined;
}

/** Whether a boolean flag was given and is on; undefined when it was not given. */
export function flagOn(line: CommandLine, name: string): boolean | undefined {
  return line.flags.get(flagNamed(name)) as boolean | undefined;
}

const SECRET = new Set(["user", "pass", "auth"]);
const HOLDS_URLS = new Set(["routes", "cluster", "cluster_listen"]);

/** The arguments as others may see them: users, passwords and tokens are replaced. */
export function redactArguments(argv: readonly string[]): string[] {
  const shown = [...argv];
  for (let at = 0; at < shown.length; at += 1) {
    const match = /^--?([^=]+)(=.*)?$/s.exec(shown[at]);
    const name = match?.[1] ?? "";
    if (!SECRET.has(name) && !HOLDS_URLS.has(name)) continue;
    const hide = (value: string): string => (SECRET.has(name) ? REDACTED : withoutUrlUsers(value));
    if (match?.[2] !== undefined) shown[at] = shown[at].slice(0, shown[at].indexOf("=") + 1) + hide(match[2].slice(1));
    else if (at + 1 < shown.length) {
      at += 1;
      shown[at] = hide(shown[at]);
    }
  }
  return shown;
}

function text(names: readonly string[], value: string, help: string, option?: readonly string[]): Flag {
  return { names, kind: "string", value, help, option };
}

function integer(names: readonly string[], value: string, help: string, option?: readonly string[]): Flag {
  return { names, kind: "integer", value, help, option };
}

function boolean(names: readonly string[], help: string, option?: readonly string[]): Flag {
  return { names, kind: "boolean", help, option };
}
