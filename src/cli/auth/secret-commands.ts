// natsnode auth password and nkey: secrets for configurations without an operator.
import { encodeBase64, hash, truncates } from "bcryptjs";
import { type Answer, type Call, type Command, CommandError } from "../subcommand.js";
import { SHOW_SEED } from "./desk.js";
import { KEY_KINDS, type KeyKind, newKeyPair } from "./key-pair.js";
import { wrongValue } from "./values.js";

const DEFAULT_COST = 11;
const SALT_BYTES = 16;

export const secretCommands: readonly Command[] = [
  {
    words: "password",
    operands: [],
    summary: "Hash a password, read from standard input, with bcrypt for a configuration file.",
    options: {
      cost: { value: "NUMBER", help: `4 to 31; each step doubles the time of a login (default: ${DEFAULT_COST})` },
    },
    run: hashPassword,
  },
  {
    words: "nkey",
    operands: [],
    summary:
      "Make a key pair that belongs to no operator: the public key for a configuration file, the seed for the client.",
    options: {
      kind: { value: "KIND", help: `${KEY_KINDS.join(", ")} (default: user)` },
      out: { value: "FILE", help: "Write the seed to this file, which only its owner may read" },
      force: { help: "Replace the file if it is there" },
      ...SHOW_SEED,
    },
    run: makeNkey,
  },
];

async function hashPassword(call: Call): Promise<Answer> {
  const value = call.text("cost") ?? String(DEFAULT_COST);
  const cost = Number(value);
  if (!/^\d+$/.test(value) || cost < 4 || cost > 31) throw wrongValue("cost", value, "it must be 4 to 31");
  const password = await call.host.readSecret("Password: ");
  if (password === "") throw new CommandError("COMMAND_INVALID", "the password is empty");
  if (truncates(password)) throw new CommandError("COMMAND_INVALID", "bcrypt takes no more than 72 bytes");
  const salt = encodeBase64(call.runtime.random.bytes(SALT_BYTES), SALT_BYTES);
  const hashed = await hash(password, `$2a$${String(cost).padStart(2, "0")}$${salt}`);
  return { text: `${hashed}\n`, data: { hash: hashed, cost } };
}

function makeNkey(call: Call): Answer {
  const kind = call.text("kind") ?? "user";
  if (!KEY_KINDS.includes(kind as KeyKind)) throw wrongValue("kind", kind, `it must be one of ${KEY_KINDS.join(", ")}`);
  const out = call.text("out");
  const isShown = call.flag("show-seed");
  if (out === undefined && !isShown) {
    throw new CommandError("COMMAND_USAGE", "say where the seed goes: --out FILE, or --show-seed to print it");
  }
  const { publicKey, seed } = newKeyPair(kind as KeyKind, call.runtime.random);
  if (out !== undefined && call.runtime.disk.statSync(out) !== undefined && !call.flag("force")) {
    throw new CommandError("COMMAND_EXISTS", `${out} is already there; --force replaces it`);
  }
  if (out !== undefined) call.host.writeSecret(out, `${seed}\n`);
  return {
    text: isShown ? `${publicKey}\n${seed}\n` : `${publicKey}\n`,
    data: { publicKey, seed: isShown ? seed : undefined, keyFile: out },
  };
}
