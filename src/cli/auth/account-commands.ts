// natsnode auth account: accounts with their limits, signing keys and revoked users.
import { EVERYBODY } from "../../auth/jwt/account-claims.js";
import { times } from "../../auth/jwt/claims-reader.js";
import { type Answer, type Call, type Command, CommandError } from "../subcommand.js";
import { ACCOUNT_OPTIONS, NEW_ACCOUNT, withAccountOptions } from "./account-limits.js";
import { deskOf, entityData, entityText, keyData, keyText, SHOW_SEED } from "./desk.js";
import { GRANT_OPTIONS, givesGrants, UNRESTRICTED, withGrants } from "./grants.js";
import { newKeyPair } from "./key-pair.js";
import { signingKeysOf, withSigningKeys } from "./signing-keys.js";
import { checkName } from "./store.js";
import { dateText, momentOf, userKeyOf } from "./values.js";

const EXPIRES = { expires: { value: "TIME", help: "A duration (90d), a date, or never" } };

export const accountCommands: readonly Command[] = [
  {
    words: "account add",
    operands: ["NAME"],
    summary: "Make an account.",
    options: { ...ACCOUNT_OPTIONS, ...EXPIRES, ...SHOW_SEED },
    run: addAccount,
  },
  {
    words: "account edit",
    operands: ["ACCOUNT"],
    summary: "Change an account; without options it is signed anew. A list replaces the one before, '' empties it.",
    options: { ...ACCOUNT_OPTIONS, ...EXPIRES },
    run: editAccount,
  },
  {
    words: "account list",
    operands: [],
    summary: "List the accounts.",
    options: {},
    run: listAccounts,
  },
  {
    words: "account show",
    operands: ["ACCOUNT"],
    summary: "Show an account.",
    options: SHOW_SEED,
    run: (call) => {
      const desk = deskOf(call);
      const account = desk.store.account(call.operands[0]);
      return { text: entityText(desk, call, "account", account), data: entityData(desk, call, account) };
    },
  },
  {
    words: "account remove",
    operands: ["ACCOUNT"],
    summary: "Remove an account and its users from the folder. Seeds stay; servers that know it are told nothing.",
    options: {},
    run: removeAccount,
  },
  {
    words: "account key add",
    operands: ["ACCOUNT"],
    summary:
      "Make a signing key of an account. With --role its users may do what the options below say, and nothing else.",
    options: { role: { value: "NAME", help: "The role that users signed by it have" }, ...GRANT_OPTIONS, ...SHOW_SEED },
    run: addSigningKey,
  },
  {
    words: "account key edit",
    operands: ["ACCOUNT", "ROLE"],
    summary: "Change what the users of a role may do; they need no new credentials.",
    options: GRANT_OPTIONS,
    run: editRole,
  },
  {
    words: "account key remove",
    operands: ["ACCOUNT", "KEY"],
    summary: "Take a signing key, by its role or public key, from an account: its users can no longer log in.",
    options: {},
    run: removeSigningKey,
  },
  {
    words: "revocation add",
    operands: ["ACCOUNT", "USER"],
    summary: `Make the credentials of a user void that were issued before: a name, a public key, or '${EVERYBODY}' for all users.`,
    options: { before: { value: "TIME", help: "Void is what was issued up to this moment (default: now)" } },
    run: addRevocation,
  },
  {
    words: "revocation remove",
    operands: ["ACCOUNT", "USER"],
    summary: "Let the user's credentials hold again.",
    options: {},
    run: removeRevocation,
  },
  {
    words: "revocation list",
    operands: ["ACCOUNT"],
    summary: "List whose credentials are void.",
    options: {},
    run: listRevocations,
  },
];

function addAccount(call: Call): Answer {
  const desk = deskOf(call);
  const { store, issuer } = desk;
  const operator = store.operator();
  const name = checkName(call.operands[0]);
  if (store.hasAccount(name)) throw new CommandError("COMMAND_EXISTS", `there is already an account ${name}`);
  let nats = withAccountOptions(NEW_ACCOUNT, call);
  const expires = momentOf("expires", call.text("expires") ?? "never", issuer.nowSeconds);
  const { random } = call.runtime;
  const pair = newKeyPair("account", random);
  if (operator.claims.nats.strict_signing_key_usage === true) {
    const signing = newKeyPair("account", random);
    store.writeKey(signing);
    nats = { ...nats, signing_keys: [signing.publicKey] };
  }
  const account = issuer.account({ name, subject: pair.publicKey, expires, nats });
  const file = store.writeKey(pair);
  return {
    text: `made account ${name}\n${keyText(call, pair, file)}`,
    data: { ...entityData(desk, call, account), ...keyData(call, pair, file) },
  };
}

function editAccount(call: Call): Answer {
  const desk = deskOf(call);
  const before = desk.store.account(call.operands[0]);
  const value = call.text("expires");
  const expires = value === undefined ? before.claims.expires : momentOf("expires", value, desk.issuer.nowSeconds);
  const account = desk.issuer.editAccount(before, withAccountOptions(before.claims.nats, call), expires);
  return { text: entityText(desk, call, "account", account), data: entityData(desk, call, account) };
}

function listAccounts(call: Call): Answer {
  const { store } = deskOf(call);
  const system = store.operator().claims.nats.system_account;
  const rows = store.accounts().map(({ name, claims }) => ({
    name,
    publicKey: claims.subject,
    users: store.users(name).length,
    isSystemAccount: claims.subject === system,
  }));
  const lines = rows.map(({ name, publicKey, users, isSystemAccount }) => {
    const note = isSystemAccount ? ", system account" : "";
    return `${name.padEnd(20)} ${publicKey}  ${users} user${users === 1 ? "" : "s"}${note}\n`;
  });
  return { text: lines.join(""), data: rows };
}

function removeAccount(call: Call): Answer {
  const { store } = deskOf(call);
  const account = store.account(call.operands[0]);
  if (account.claims.subject === store.operator().claims.nats.system_account) {
    throw new CommandError("COMMAND_INVALID", `${account.name} is the operator's system account`);
  }
  store.removeAccount(account);
  return { text: `removed account ${account.name}\n`, data: { name: account.name, publicKey: account.claims.subject } };
}

function addSigningKey(call: Call): Answer {
  const { store, issuer } = deskOf(call);
  const account = store.account(call.operands[0]);
  const role = call.text("role");
  if (role === undefined && givesGrants(call)) {
    throw new CommandError("COMMAND_USAGE", "permissions and limits belong to a role: --role NAME");
  }
  const keys = signingKeysOf(account.claims);
  if (role !== undefined && keys.some(({ scope }) => scope?.role === checkName(role))) {
    throw new CommandError("COMMAND_EXISTS", `account ${account.name} already has a role ${role}`);
  }
  const scope = role === undefined ? undefined : { role, template: withGrants(UNRESTRICTED, call) };
  const pair = newKeyPair("account", call.runtime.random);
  issuer.editAccount(account, withSigningKeys(account.claims, [...keys, { key: pair.publicKey, scope }]));
  const file = store.writeKey(pair);
  const what = role === undefined ? "signing key" : `signing key for role ${role}`;
  return {
    text: `made ${what} of account ${account.name}\n${keyText(call, pair, file)}`,
    data: { account: account.name, role, ...keyData(call, pair, file) },
  };
}

function editRole(call: Call): Answer {
  const { store, issuer } = deskOf(call);
  const [named, role] = call.operands;
  const account = store.account(named);
  const keys = signingKeysOf(account.claims);
  const isMeant = (one: (typeof keys)[number]): boolean =>
    one.scope !== undefined && (one.scope.role === role || one.key === role);
  const scope = keys.find(isMeant)?.scope;
  if (scope === undefined) throw new CommandError("COMMAND_UNKNOWN", `account ${account.name} has no role "${role}"`);
  const changed = { ...scope, template: withGrants(scope.template, call) };
  const edited = keys.map((one) => (isMeant(one) ? { ...one, scope: changed } : one));
  issuer.editAccount(account, withSigningKeys(account.claims, edited));
  return {
    text: `changed role ${scope.role} of account ${account.name}\n`,
    data: { account: account.name, ...changed },
  };
}

function removeSigningKey(call: Call): Answer {
  const { store, issuer } = deskOf(call);
  const [named, key] = call.operands;
  const account = store.account(named);
  const keys = signingKeysOf(account.claims);
  const removed = keys.filter((one) => one.key === key || one.scope?.role === key);
  if (removed.length === 0) {
    throw new CommandError("COMMAND_UNKNOWN", `account ${account.name} has no signing key "${key}"`);
  }
  const left = keys.filter((one) => !removed.includes(one));
  issuer.editAccount(account, withSigningKeys(account.claims, left));
  for (const one of removed) store.removeKey(one.key);
  const users = store.users(account.name).filter((user) => removed.some((one) => one.key === user.claims.issuer));
  const names = users.map(({ name }) => name);
  const list = names.length > 0 ? `  its users can no longer log in: ${names.join(", ")}\n` : "";
  return {
    text: `removed signing key ${key} of account ${account.name}\n${list}`,
    data: { account: account.name, publicKeys: removed.map((one) => one.key), users: names },
  };
}

function addRevocation(call: Call): Answer {
  const { store, issuer } = deskOf(call);
  const [named, user] = call.operands;
  const account = store.account(named);
  const key = revokedKey(call, account.name, user);
  const known = store.hasUser(account.name, user) ? store.user(account.name, user).claims.issuedAt : 0;
  const before = call.text("before");
  const moment =
    before === undefined ? Math.max(issuer.nowSeconds, known) : momentOf("before", before, issuer.nowSeconds);
  const revocations = Object.fromEntries(times(account.claims.nats, "revocations"));
  issuer.editAccount(account, { ...account.claims.nats, revocations: { ...revocations, [key]: moment } });
  return {
    text: `revoked what ${user} of account ${account.name} was issued up to ${dateText(moment)}\n`,
    data: { account: account.name, user: key, before: moment },
  };
}

function removeRevocation(call: Call): Answer {
  const { store, issuer } = deskOf(call);
  const [named, user] = call.operands;
  const account = store.account(named);
  const key = revokedKey(call, account.name, user);
  const revocations = Object.fromEntries(times(account.claims.nats, "revocations"));
  if (!Object.hasOwn(revocations, key)) throw new CommandError("COMMAND_UNKNOWN", `${user} is not revoked`);
  delete revocations[key];
  const left = Object.keys(revocations).length > 0 ? revocations : undefined;
  issuer.editAccount(account, { ...account.claims.nats, revocations: left });
  return {
    text: `${user} of account ${account.name} is no longer revoked\n`,
    data: { account: account.name, user: key },
  };
}

function listRevocations(call: Call): Answer {
  const { store } = deskOf(call);
  const account = store.account(call.operands[0]);
  const names = new Map(store.users(account.name).map(({ name, claims }) => [claims.subject, name]));
  const rows = Array.from(times(account.claims.nats, "revocations"), ([user, before]) => ({
    user,
    name: names.get(user),
    before,
  }));
  const lines = rows.map(({ user, name, before }) => `${name ?? user}  up to ${dateText(before)}\n`);
  return { text: lines.join(""), data: rows };
}

function revokedKey(call: Call, account: string, user: string): string {
  if (user === EVERYBODY) return user;
  const { store } = deskOf(call);
  return store.hasUser(account, user) ? store.user(account, user).claims.subject : userKeyOf("USER", user);
}
