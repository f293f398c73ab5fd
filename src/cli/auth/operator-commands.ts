// natsnode auth operator: the operator that signs accounts, with its signing keys and its system account.
import { text, texts } from "../../auth/jwt/claims-reader.js";
import type { Answer, Call, Command, CommandOptions } from "../subcommand.js";
import { CommandError } from "../subcommand.js";
import { NEW_ACCOUNT } from "./account-limits.js";
import { credsText } from "./creds.js";
import { type Desk, deskOf, entityData, entityText, keyData, keyText, SHOW_SEED } from "./desk.js";
import { setList } from "./grants.js";
import { newKeyPair } from "./key-pair.js";
import { checkName, type Entity } from "./store.js";
import { momentOf, yesNoOf } from "./values.js";

const OPERATOR_OPTIONS: CommandOptions = {
  "account-server-url": { value: "URL", help: "Where servers without a resolver of their own look accounts up" },
  "service-url": { value: "URL", many: true, help: "Where clients find its servers" },
  tag: { value: "TAG", many: true, help: "A tag" },
  expires: { value: "TIME", help: "A duration (90d), a date, or never" },
};

const SYSTEM_ACCOUNT = "SYS";
const SYSTEM_USER = "sys";

/** What every system account exports; tools of its users' own accounts import it. */
const SYSTEM_EXPORTS = [
  {
    name: "account-monitoring-services",
    subject: "$SYS.REQ.ACCOUNT.*.*",
    type: "service",
    response_type: "Stream",
    account_token_position: 4,
    description: "Request account specific monitoring services for: SUBSZ, CONNZ, LEAFZ, JSZ and INFO",
    info_url: "https://docs.nats.io/nats-server/configuration/sys_accounts",
  },
  {
    name: "account-monitoring-streams",
    subject: "$SYS.ACCOUNT.*.>",
    type: "stream",
    account_token_position: 3,
    description: "Account specific monitoring stream",
    info_url: "https://docs.nats.io/nats-server/configuration/sys_accounts",
  },
];

export const operatorCommands: readonly Command[] = [
  {
    words: "operator add",
    operands: ["NAME"],
    summary: `Make the operator of the folder, with a system account ${SYSTEM_ACCOUNT} and its user ${SYSTEM_USER}.`,
    options: {
      "signing-keys": { help: "Accounts and users must be signed by signing keys; one of each is made" },
      "no-system-account": { help: "Make no system account" },
      ...OPERATOR_OPTIONS,
      ...SHOW_SEED,
    },
    run: addOperator,
  },
  {
    words: "operator edit",
    operands: [],
    summary: "Change what the operator says.",
    options: {
      "system-account": { value: "ACCOUNT", help: "The system account" },
      "require-signing-keys": { value: "yes|no", help: "Accounts and users must be signed by signing keys" },
      ...OPERATOR_OPTIONS,
    },
    run: editOperator,
  },
  {
    words: "operator show",
    operands: [],
    summary: "Show the operator.",
    options: SHOW_SEED,
    run: (call) => showOperator(deskOf(call), call),
  },
  {
    words: "operator key add",
    operands: [],
    summary: "Make another signing key of the operator. Accounts are signed by the first whose seed is in the folder.",
    options: SHOW_SEED,
    run: addOperatorKey,
  },
  {
    words: "operator key remove",
    operands: ["KEY"],
    summary:
      "Take a signing key from the operator and remove its seed. Accounts signed by it must be edited to be signed anew.",
    options: {},
    run: removeOperatorKey,
  },
];

function addOperator(call: Call): Answer {
  const desk = deskOf(call);
  const { store, issuer } = desk;
  const name = checkName(call.operands[0]);
  if (store.hasOperator) {
    throw new CommandError("COMMAND_EXISTS", `${store.folder} already holds operator ${store.operator().name}`);
  }
  const { random } = call.runtime;
  const identity = newKeyPair("operator", random);
  const strict = call.flag("signing-keys");
  const signing = strict ? newKeyPair("operator", random) : undefined;
  const system = call.flag("no-system-account") ? undefined : newKeyPair("account", random);
  for (const pair of [identity, signing, system]) if (pair !== undefined) store.writeKey(pair);
  const nats = {
    ...withOperatorOptions({}, call),
    system_account: system?.publicKey,
    signing_keys: signing && [signing.publicKey],
    strict_signing_key_usage: strict || undefined,
  };
  const operator = issuer.operator({ name, subject: identity.publicKey, expires: expiresOf(call, 0, desk), nats });
  if (system !== undefined) addSystemAccount(desk, call, system.publicKey);
  const answer = showOperator(desk, call, operator);
  const creds = store.credsPath(SYSTEM_ACCOUNT, SYSTEM_USER);
  const systemText =
    creds === undefined ? "" : `system account ${SYSTEM_ACCOUNT}, user ${SYSTEM_USER}\n  credentials in ${creds}\n`;
  return {
    text: `made ${answer.text}  folder: ${store.folder}\n${systemText}`,
    data: { ...(answer.data as object), systemUserCreds: creds },
  };
}

function addSystemAccount(desk: Desk, call: Call, publicKey: string): void {
  const { store, issuer } = desk;
  const { random } = call.runtime;
  const signing = call.flag("signing-keys") ? newKeyPair("account", random) : undefined;
  const user = newKeyPair("user", random);
  if (signing !== undefined) store.writeKey(signing);
  store.writeKey(user);
  const nats = { ...NEW_ACCOUNT, exports: SYSTEM_EXPORTS, signing_keys: signing && [signing.publicKey] };
  const account = issuer.account({ name: SYSTEM_ACCOUNT, subject: publicKey, expires: 0, nats });
  const grants = { pub: {}, sub: {}, subs: -1, data: -1, payload: -1 };
  const frame = { name: SYSTEM_USER, subject: user.publicKey, expires: 0, nats: grants };
  const { token } = issuer.user(account, frame, undefined);
  store.writeCreds(SYSTEM_ACCOUNT, SYSTEM_USER, credsText(token, user.seed));
}

function editOperator(call: Call): Answer {
  const desk = deskOf(call);
  const { store } = desk;
  const { claims } = store.operator();
  const nats: Record<string, unknown> = { ...withOperatorOptions(claims.nats, call) };
  const system = call.text("system-account");
  if (system !== undefined) nats.system_account = system === "" ? undefined : store.account(system).claims.subject;
  const strict = call.text("require-signing-keys");
  if (strict !== undefined) nats.strict_signing_key_usage = yesNoOf("require-signing-keys", strict) || undefined;
  if (nats.strict_signing_key_usage === true && texts(claims.nats, "signing_keys").length === 0) {
    const hint = 'make one with "natsnode auth operator key add"';
    throw new CommandError("COMMAND_INVALID", `the operator has no signing key; ${hint}`);
  }
  return rewritten(desk, call, nats);
}

function addOperatorKey(call: Call): Answer {
  const desk = deskOf(call);
  const { store } = desk;
  const { claims } = store.operator();
  const pair = newKeyPair("operator", call.runtime.random);
  const file = store.writeKey(pair);
  rewritten(desk, call, { ...claims.nats, signing_keys: [...texts(claims.nats, "signing_keys"), pair.publicKey] });
  return { text: `made signing key of the operator\n${keyText(call, pair, file)}`, data: keyData(call, pair, file) };
}

function removeOperatorKey(call: Call): Answer {
  const desk = deskOf(call);
  const { store } = desk;
  const { claims } = store.operator();
  const [key] = call.operands;
  const keys = texts(claims.nats, "signing_keys");
  if (!keys.includes(key)) throw new CommandError("COMMAND_UNKNOWN", `the operator has no signing key ${key}`);
  const left = keys.filter((one) => one !== key);
  if (left.length === 0 && claims.nats.strict_signing_key_usage === true) {
    throw new CommandError("COMMAND_INVALID", "the operator requires signing keys, and this is its last");
  }
  rewritten(desk, call, { ...claims.nats, signing_keys: left.length > 0 ? left : undefined });
  store.removeKey(key);
  const signed = store.accounts().filter((account) => account.claims.issuer === key);
  const list = signed.map(({ name }) => name);
  const text = list.length > 0 ? `  no longer trusted, edit them to sign them anew: ${list.join(", ")}\n` : "";
  return { text: `removed signing key ${key}\n${text}`, data: { publicKey: key, accountsToSignAnew: list } };
}

function rewritten(desk: Desk, call: Call, nats: Record<string, unknown>): Answer {
  const { name, claims } = desk.store.operator();
  const expires = expiresOf(call, claims.expires, desk);
  return showOperator(desk, call, desk.issuer.operator({ name, subject: claims.subject, expires, nats }, claims));
}

function expiresOf(call: Call, before: number, { issuer }: Desk): number {
  const value = call.text("expires");
  return value === undefined ? before : momentOf("expires", value, issuer.nowSeconds);
}

function withOperatorOptions(from: object, call: Call): Record<string, unknown> {
  const nats: Record<string, unknown> = { ...from };
  const url = call.text("account-server-url");
  if (url !== undefined) nats.account_server_url = url || undefined;
  setList(nats, "operator_service_urls", call, "service-url", (value) => value);
  setList(nats, "tags", call, "tag", (value) => value.toLowerCase());
  return nats;
}

function showOperator(desk: Desk, call: Call, operator: Entity = desk.store.operator()): Answer {
  const system = text(operator.claims.nats, "system_account");
  const named = desk.store.accounts().find(({ claims }) => claims.subject === system)?.name;
  const data = { ...entityData(desk, call, operator), systemAccountName: named };
  return { text: entityText(desk, call, "operator", operator), data };
}
