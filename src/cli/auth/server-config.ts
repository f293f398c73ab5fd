// natsnode auth server-config: a configuration with which a server trusts the operator and knows its accounts.
import { join, resolve } from "node:path";
import { text } from "../../auth/jwt/claims-reader.js";
import { type Answer, type Call, type Command, CommandError } from "../subcommand.js";
import { deskOf } from "./desk.js";
import type { Entity } from "./store.js";
import { wrongValue } from "./values.js";

export const serverConfigCommand: Command = {
  words: "server-config",
  operands: [],
  summary: "Write the configuration of a server that trusts the operator.",
  options: {
    resolver: {
      value: "memory|full",
      help: "memory: all accounts stand in the file; full: in a folder, and servers take new ones (default: memory)",
    },
    "resolver-dir": { value: "FOLDER", help: "Folder of the full resolver (default: resolver in the folder of keys)" },
    listen: { value: "HOST:PORT", help: "Where clients connect (default: the server's own, 0.0.0.0:4222)" },
    out: { value: "FILE", help: "Write it to this file (default: standard output)" },
    force: { help: "Replace the file if it is there" },
  },
  run: writeServerConfig,
};

function writeServerConfig(call: Call): Answer {
  const { store } = deskOf(call);
  const { disk } = call.runtime;
  const operator = store.operator();
  const accounts = store.accounts();
  const systemKey = text(operator.claims.nats, "system_account");
  const system = accounts.find(({ claims }) => claims.subject === systemKey);
  const kind = call.text("resolver") ?? "memory";
  const out = call.text("out");
  if (out !== undefined && disk.statSync(out) !== undefined && !call.flag("force")) {
    throw new CommandError("COMMAND_EXISTS", `${out} is already there; --force replaces it`);
  }
  let lines: string[];
  let folder: string | undefined;
  if (kind === "memory") lines = ["resolver: MEMORY", ...preloadLines(accounts)];
  else if (kind === "full") {
    if (system === undefined) {
      throw new CommandError("COMMAND_INVALID", "a full resolver needs a system account: natsnode auth operator edit");
    }
    folder = resolve(call.text("resolver-dir") ?? join(store.folder, "resolver"));
    disk.makeDirectorySync(folder);
    for (const { claims, token } of accounts) disk.writeSync(join(folder, `${claims.subject}.jwt`), token);
    lines = [
      "resolver {",
      "  type: full",
      `  dir: ${JSON.stringify(folder)}`,
      "  allow_delete: false",
      '  interval: "2m"',
      "}",
      // Preloaded accounts replace newer ones of the folder at each start, so only the one that must be there is.
      ...preloadLines([system]),
    ];
  } else throw wrongValue("resolver", kind, "it must be memory or full");
  const listen = call.text("listen");
  const config = [
    `# Operator ${operator.name}; made by natsnode auth server-config.`,
    ...(listen === undefined ? [] : [`listen: ${JSON.stringify(listen)}`]),
    `operator: ${operator.token}`,
    ...(systemKey === "" ? [] : [`system_account: ${systemKey}`]),
    ...lines,
    "",
  ].join("\n");
  const data = { resolver: kind, resolverDir: folder, accounts: accounts.map(({ name }) => name), file: out };
  if (out === undefined) return { text: config, data: { ...data, config } };
  disk.writeSync(out, config);
  return { text: `configuration in ${out}${folder === undefined ? "" : `, accounts in ${folder}`}\n`, data };
}

function preloadLines(accounts: readonly Entity[]): string[] {
  return [
    "resolver_preload {",
    ...accounts.flatMap(({ name, claims, token }) => [`  # ${name}`, `  ${claims.subject}: ${token}`]),
    "}",
  ];
}
