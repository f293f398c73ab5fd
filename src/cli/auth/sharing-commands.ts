// natsnode auth export, import and activation: what accounts offer each other. Importing a private export needs a token
// that the exporter signs; between accounts of one folder it is made along the way.
import { integer, objects, text } from "../../auth/jwt/claims-reader.js";
import { decodeJwt, type JsonObject } from "../../auth/jwt/jwt.js";
import { isPublicNkey } from "../../auth/nkey.js";
import { isSubsetOf } from "../../subjects/validity.js";
import { type Answer, type Call, type Command, CommandError } from "../subcommand.js";
import { deskOf } from "./desk.js";
import { setFlag } from "./grants.js";
import type { Entity } from "./store.js";
import { countOf, durationMsOf, subjectOf, wrongValue } from "./values.js";

const NS_PER_MS = 1_000_000;
const RESPONSE_TYPES = ["Singleton", "Stream", "Chunked"];

type Kind = "stream" | "service";

export const sharingCommands: readonly Command[] = [
  {
    words: "export add",
    operands: ["ACCOUNT", "stream|service", "SUBJECT"],
    summary: "Let other accounts import a stream of messages or a service.",
    options: {
      name: { value: "TEXT", help: "What it is called (default: its subject)" },
      private: { help: "Only accounts with an activation token may import it" },
      "response-type": { value: "TYPE", help: "Answers to a request: singleton (default), stream or chunked" },
      "response-time": { value: "DURATION", help: "How long answers are waited for" },
      "account-token-position": {
        value: "NUMBER",
        help: "Token of the subject, a *, that must be the importer's public key",
      },
      "allow-trace": { value: "yes|no", help: "Message traces go on into this account; for services" },
      description: { value: "TEXT", help: "What it is for" },
    },
    run: addExport,
  },
  {
    words: "export remove",
    operands: ["ACCOUNT", "stream|service", "SUBJECT"],
    summary: "Offer something no longer.",
    options: {},
    run: (call) => remove(call, "exports", "subject"),
  },
  {
    words: "import add",
    operands: ["ACCOUNT", "stream|service", "SUBJECT"],
    summary: "Import what another account exports under this subject.",
    options: {
      from: { value: "ACCOUNT", help: "The exporter: its name in the folder, or its public key" },
      as: {
        value: "SUBJECT",
        help: "The subject in this account; $1 stands for the first wildcard (default: the same)",
      },
      name: { value: "TEXT", help: "What it is called (default: its subject)" },
      token: {
        value: "FILE",
        help: "Activation token from the exporter, for a private export of another operator's folder",
      },
      share: { value: "yes|no", help: "The service learns who asks" },
      "allow-trace": { value: "yes|no", help: "Message traces go on from this account; for streams" },
    },
    run: addImport,
  },
  {
    words: "import remove",
    operands: ["ACCOUNT", "stream|service", "SUBJECT"],
    summary: "Import something no longer.",
    options: { from: { value: "ACCOUNT", help: "The exporter, where several export the subject" } },
    run: (call) => remove(call, "imports", "subject"),
  },
  {
    words: "activation",
    operands: ["ACCOUNT", "stream|service", "SUBJECT"],
    summary: "Make an activation token, with which one other account may import a private export.",
    options: {
      for: { value: "ACCOUNT", help: "The importer: its name in the folder, or its public key" },
      out: { value: "FILE", help: "Write it to this file (default: standard output)" },
    },
    run: makeActivation,
  },
];

function addExport(call: Call): Answer {
  const { store, issuer } = deskOf(call);
  const [named, , subject] = call.operands;
  const account = store.account(named);
  const kind = kindOf(call);
  subjectOf("SUBJECT", subject);
  const exports = objects(account.claims.nats, "exports");
  if (exports.some((one) => isOf(one, kind, subject))) {
    throw new CommandError("COMMAND_EXISTS", `account ${account.name} already exports ${kind} ${subject}`);
  }
  const added: Record<string, unknown> = { name: call.text("name") ?? subject, subject, type: kind };
  if (call.flag("private")) added.token_req = true;
  setResponses(added, call, kind);
  const position = call.text("account-token-position");
  if (position !== undefined) added.account_token_position = countOf("account-token-position", position);
  if (call.text("allow-trace") !== undefined && kind === "stream") {
    throw new CommandError("COMMAND_INVALID", "--allow-trace is for exports of services and imports of streams");
  }
  setFlag(added, "allow_trace", call, "allow-trace");
  const description = call.text("description");
  if (description !== undefined) added.description = description;
  checkTokenPosition(added, subject);
  issuer.editAccount(account, { ...account.claims.nats, exports: [...exports, added] });
  const what = `${call.flag("private") ? "private " : ""}${kind} ${subject}`;
  return { text: `account ${account.name} exports ${what}\n`, data: { account: account.name, export: added } };
}

function setResponses(added: Record<string, unknown>, call: Call, kind: Kind): void {
  const type = call.text("response-type");
  const time = call.text("response-time");
  if (kind === "stream" && (type ?? time) !== undefined) {
    throw new CommandError("COMMAND_INVALID", "--response-type and --response-time are for services");
  }
  if (type !== undefined) {
    const known = RESPONSE_TYPES.find((one) => one.toLowerCase() === type.toLowerCase());
    if (known === undefined) throw wrongValue("response-type", type, "it must be singleton, stream or chunked");
    added.response_type = known;
  } else if (kind === "service") added.response_type = "Singleton";
  if (time !== undefined) added.response_threshold = Math.round(durationMsOf("response-time", time) * NS_PER_MS);
}

function checkTokenPosition(added: JsonObject, subject: string): void {
  const position = integer(added, "account_token_position");
  if (position === 0 || subject.split(".")[position - 1] === "*") return;
  const wanted = `token ${position} of ${subject} is not *`;
  throw new CommandError("COMMAND_INVALID", `--account-token-position: ${wanted}`);
}

function addImport(call: Call): Answer {
  const { store, issuer } = deskOf(call);
  const [named, , subject] = call.operands;
  const account = store.account(named);
  const kind = kindOf(call);
  subjectOf("SUBJECT", subject);
  const from = call.text("from");
  if (from === undefined) throw new CommandError("COMMAND_USAGE", "--from ACCOUNT missing");
  const exporter = knownAccount(call, from);
  const publicKey = exporter?.claims.subject ?? from;
  if (publicKey === account.claims.subject) {
    throw new CommandError("COMMAND_INVALID", `account ${account.name} cannot import from itself`);
  }
  const imports = objects(account.claims.nats, "imports");
  if (imports.some((one) => isOf(one, kind, subject) && one.account === publicKey)) {
    throw new CommandError("COMMAND_EXISTS", `account ${account.name} already imports ${kind} ${subject} from ${from}`);
  }
  const added: Record<string, unknown> = {
    name: call.text("name") ?? subject,
    subject,
    account: publicKey,
    type: kind,
  };
  const token = activationFor(call, account, exporter, kind, subject);
  if (token !== undefined) added.token = token;
  const local = call.text("as");
  if (local !== undefined) added.local_subject = subjectOf("as", local);
  checkOnlyFor(call, "share", kind, "service");
  checkOnlyFor(call, "allow-trace", kind, "stream");
  setFlag(added, "share", call, "share");
  setFlag(added, "allow_trace", call, "allow-trace");
  issuer.editAccount(account, { ...account.claims.nats, imports: [...imports, added] });
  const name = exporter?.name ?? publicKey;
  return {
    text: `account ${account.name} imports ${kind} ${subject} from ${name}${local === undefined ? "" : ` as ${local}`}\n`,
    data: { account: account.name, import: added },
  };
}

/** The token of an import: the one handed in, or a new one when the exporter's export is private. */
function activationFor(
  call: Call,
  importer: Entity,
  exporter: Entity | undefined,
  kind: Kind,
  subject: string,
): string | undefined {
  const file = call.text("token");
  if (file !== undefined) return readActivation(call, file);
  if (exporter === undefined) return undefined;
  const exported = exportFor(exporter, kind, subject);
  if (exported.token_req !== true) return undefined;
  return deskOf(call).issuer.activation(exporter, importer.claims.subject, kind, subject);
}

function exportFor(exporter: Entity, kind: Kind, subject: string): JsonObject {
  const fits = (one: JsonObject): boolean => one.type === kind && isSubsetOf(subject, text(one, "subject"));
  const found = objects(exporter.claims.nats, "exports").find(fits);
  if (found !== undefined) return found;
  throw new CommandError("COMMAND_UNKNOWN", `account ${exporter.name} exports no ${kind} ${subject}`);
}

function readActivation(call: Call, file: string): string {
  try {
    const said = call.runtime.disk.readSync(file).toString("utf8");
    const token = said.split("\n").find((line) => line.startsWith("eyJ")) ?? "";
    decodeJwt(token.trim(), "activation");
    return token.trim();
  } catch (error) {
    throw new CommandError("COMMAND_FILE", `${file} holds no activation token: ${(error as Error).message}`, error);
  }
}

function checkOnlyFor(call: Call, option: string, kind: Kind, wanted: Kind): void {
  if (call.text(option) === undefined || kind === wanted) return;
  throw new CommandError("COMMAND_INVALID", `--${option} is for imports of a ${wanted}`);
}

function makeActivation(call: Call): Answer {
  const { store, issuer } = deskOf(call);
  const [named, , subject] = call.operands;
  const exporter = store.account(named);
  const kind = kindOf(call);
  const importer = call.text("for");
  if (importer === undefined) throw new CommandError("COMMAND_USAGE", "--for ACCOUNT missing");
  exportFor(exporter, kind, subject);
  const publicKey = knownAccount(call, importer)?.claims.subject ?? importer;
  const token = issuer.activation(exporter, publicKey, kind, subject);
  const out = call.text("out");
  if (out === undefined) return { text: `${token}\n`, data: { token } };
  call.host.writeSecret(out, `${token}\n`);
  return { text: `activation of ${kind} ${subject} for ${importer} in ${out}\n`, data: { token, file: out } };
}

/** The account of that name or key; undefined for a public key that the folder does not know. */
function knownAccount(call: Call, named: string): Entity | undefined {
  const { store } = deskOf(call);
  if (isPublicNkey(named, "account")) return store.accounts().find(({ claims }) => claims.subject === named);
  return store.account(named);
}

function remove(call: Call, list: "exports" | "imports", key: "subject"): Answer {
  const { store, issuer } = deskOf(call);
  const [named, , subject] = call.operands;
  const account = store.account(named);
  const kind = kindOf(call);
  const from = list === "imports" ? call.text("from") : undefined;
  const exporter = from === undefined ? undefined : (knownAccount(call, from)?.claims.subject ?? from);
  const all = objects(account.claims.nats, list);
  const left = all.filter(
    (one) => one.type !== kind || one[key] !== subject || (exporter !== undefined && one.account !== exporter),
  );
  if (left.length === all.length) {
    throw new CommandError("COMMAND_UNKNOWN", `account ${account.name} ${list} no ${kind} ${subject}`);
  }
  issuer.editAccount(account, { ...account.claims.nats, [list]: left.length > 0 ? left : undefined });
  return {
    text: `account ${account.name} ${list} ${kind} ${subject} no longer\n`,
    data: { account: account.name, removed: all.filter((one) => !left.includes(one)) },
  };
}

function isOf(one: JsonObject, kind: Kind, subject: string): boolean {
  return one.type === kind && one.subject === subject;
}

function kindOf(call: Call): Kind {
  const kind = call.operands[1];
  if (kind === "stream" || kind === "service") return kind;
  throw new CommandError("COMMAND_USAGE", `"${kind}" must be stream or service`);
}
