// natsnode auth user: users of accounts, with permissions of their own or those of a role, and their credential files.
import { type Answer, type Call, type Command, CommandError, type CommandOptions } from "../subcommand.js";
import { credsText } from "./creds.js";
import { type Desk, deskOf, entityData, entityText, keyData, keyText, SHOW_SEED } from "./desk.js";
import { GRANT_OPTIONS, givesGrants, setList, UNRESTRICTED, withGrants } from "./grants.js";
import { signerOf } from "./issuer.js";
import { newKeyPair } from "./key-pair.js";
import { signingKeysOf } from "./signing-keys.js";
import { checkName, type Entity } from "./store.js";
import { momentOf, userKeyOf } from "./values.js";

const USER_OPTIONS: CommandOptions = {
  ...GRANT_OPTIONS,
  tag: { value: "TAG", many: true, help: "A tag, such as region:eu; roles may use it in subjects" },
  expires: { value: "TIME", help: "A duration (90d), a date, or never" },
};

export const userCommands: readonly Command[] = [
  {
    words: "user add",
    operands: ["ACCOUNT", "NAME"],
    summary: "Make a user and its credential file. Without permissions it may do everything in its account.",
    options: {
      key: { value: "ROLE", help: "Sign with this signing key: its role or public key" },
      "public-key": { value: "NKEY", help: "The user's key, if somebody else holds the seed; no credential file then" },
      ...USER_OPTIONS,
      ...SHOW_SEED,
    },
    run: addUser,
  },
  {
    words: "user edit",
    operands: ["ACCOUNT", "USER"],
    summary: "Change a user and write its credential file anew. A list replaces the one before, '' empties it.",
    options: USER_OPTIONS,
    run: editUser,
  },
  {
    words: "user list",
    operands: ["[ACCOUNT]"],
    summary: "List the users of an account, or of all.",
    options: {},
    run: listUsers,
  },
  {
    words: "user show",
    operands: ["ACCOUNT", "USER"],
    summary: "Show a user.",
    options: SHOW_SEED,
    run: showUser,
  },
  {
    words: "user creds",
    operands: ["ACCOUNT", "USER"],
    summary: "Write a user's credentials to a file that only its owner may read.",
    options: { out: { value: "FILE", help: "The file (default: the one in the folder)" } },
    run: writeCreds,
  },
  {
    words: "user remove",
    operands: ["ACCOUNT", "USER"],
    summary: "Remove a user from the folder, and with --revoke make its credentials void.",
    options: { revoke: { help: "Also revoke it; servers learn of it with the account" } },
    run: removeUser,
  },
];

function addUser(call: Call): Answer {
  const desk = deskOf(call);
  const { store, issuer } = desk;
  const [named, wanted] = call.operands;
  const account = store.account(named);
  const name = checkName(wanted);
  if (store.hasUser(account.name, name)) {
    throw new CommandError("COMMAND_EXISTS", `account ${account.name} already has a user ${name}`);
  }
  const key = call.text("key");
  const isScoped = issuer.userKey(account, key).scope !== undefined;
  if (isScoped && givesGrants(call)) throw scoped(`role ${key}`);
  const nats = withTags(isScoped ? {} : withGrants(UNRESTRICTED, call), call);
  const expires = momentOf("expires", call.text("expires") ?? "never", issuer.nowSeconds);
  const foreign = call.text("public-key");
  const pair = foreign === undefined ? newKeyPair("user", call.runtime.random) : undefined;
  const subject = pair?.publicKey ?? userKeyOf("public-key", foreign!);
  const user = issuer.user(account, { name, subject, expires, nats }, key);
  const data = entityData(desk, call, user);
  const head = `made user ${name} of account ${account.name}\n`;
  if (pair === undefined) return { text: `${head}  ${subject}\n`, data };
  const file = store.writeKey(pair);
  const creds = store.writeCreds(account.name, name, credsText(user.token, pair.seed));
  return {
    text: `${head}${keyText(call, pair, file)}  credentials in ${creds}\n`,
    data: { ...data, ...keyData(call, pair, file), creds },
  };
}

function editUser(call: Call): Answer {
  const desk = deskOf(call);
  const { store, issuer } = desk;
  const [named, user] = call.operands;
  const account = store.account(named);
  const { name, claims } = store.user(account.name, user);
  const signer = signerOf(claims);
  const scope = signingKeysOf(account.claims).find(({ key }) => key === signer)?.scope;
  if (scope !== undefined && givesGrants(call)) throw scoped(`role ${scope.role}`);
  const nats = withTags(scope === undefined ? withGrants(claims.nats, call) : claims.nats, call);
  const value = call.text("expires");
  const expires = value === undefined ? claims.expires : momentOf("expires", value, issuer.nowSeconds);
  const edited = issuer.user(account, { name, subject: claims.subject, expires, nats }, signer, claims);
  const pair = store.key(claims.subject);
  const creds = pair && store.writeCreds(account.name, name, credsText(edited.token, pair.seed));
  const text = entityText(desk, call, "user", edited);
  return {
    text: creds === undefined ? text : `${text}  credentials in ${creds}\n`,
    data: { ...entityData(desk, call, edited), creds },
  };
}

function listUsers(call: Call): Answer {
  const { store } = deskOf(call);
  const [named] = call.operands;
  const accounts = named === undefined ? store.accounts() : [store.account(named)];
  const rows = accounts.flatMap((account) => {
    const roles = new Map(signingKeysOf(account.claims).map(({ key, scope }) => [key, scope?.role]));
    return store.users(account.name).map(({ name, claims }) => ({
      account: account.name,
      name,
      publicKey: claims.subject,
      role: roles.get(claims.issuer),
      creds: store.credsPath(account.name, name),
    }));
  });
  const lines = rows.map(({ account, name, publicKey, role }) => {
    const note = role === undefined ? "" : `  role ${role}`;
    return `${account.padEnd(20)} ${name.padEnd(20)} ${publicKey}${note}\n`;
  });
  return { text: lines.join(""), data: rows };
}

function showUser(call: Call): Answer {
  const desk = deskOf(call);
  const [account, user] = userOf(desk, call);
  const creds = desk.store.credsPath(account.name, user.name);
  const text = entityText(desk, call, "user", user);
  return {
    text: creds === undefined ? text : `${text}  credentials in ${creds}\n`,
    data: { ...entityData(desk, call, user), account: account.name, creds },
  };
}

function writeCreds(call: Call): Answer {
  const desk = deskOf(call);
  const { store } = desk;
  const [account, { name, token, claims }] = userOf(desk, call);
  const pair = store.key(claims.subject);
  if (pair === undefined)
    throw new CommandError("COMMAND_UNKNOWN", `the seed of user ${name} is not in ${store.folder}`);
  const text = credsText(token, pair.seed);
  const out = call.text("out");
  if (out === undefined) {
    const creds = store.writeCreds(account.name, name, text);
    return { text: `credentials in ${creds}\n`, data: { creds } };
  }
  call.host.writeSecret(out, text);
  return { text: `credentials in ${out}\n`, data: { creds: out } };
}

function removeUser(call: Call): Answer {
  const desk = deskOf(call);
  const { store, issuer } = desk;
  const [account, { name, claims }] = userOf(desk, call);
  const isRevoked = call.flag("revoke");
  if (isRevoked) {
    const { nats } = account.claims;
    const moment = Math.max(issuer.nowSeconds, claims.issuedAt);
    const revocations = { ...(nats.revocations as object | undefined), [claims.subject]: moment };
    issuer.editAccount(account, { ...nats, revocations });
  }
  store.removeUser(account.name, name);
  return {
    text: `removed ${isRevoked ? "and revoked " : ""}user ${name} of account ${account.name}\n`,
    data: { account: account.name, name, publicKey: claims.subject, revoked: isRevoked },
  };
}

function userOf({ store }: Desk, call: Call): [Entity, Entity] {
  const [named, user] = call.operands;
  const account = store.account(named);
  return [account, store.user(account.name, user)];
}

function withTags(from: object, call: Call): Record<string, unknown> {
  const nats: Record<string, unknown> = { ...from };
  setList(nats, "tags", call, "tag", (tag) => tag.toLowerCase());
  return nats;
}

function scoped(role: string): CommandError {
  const message = `users of ${role} may do what the role says; change it with "natsnode auth account key edit"`;
  return new CommandError("COMMAND_INVALID", message);
}
