// The folder that holds an operator with its accounts and users as JWTs, the seeds of their keys, and credential files:
// operator.jwt, accounts/A/account.jwt, accounts/A/users/U.jwt, creds/A/U.creds, keys/PUBLIC.nk.
import { dirname, join } from "node:path";
import { type Claims, decodeJwt, type JwtType } from "../../auth/jwt/jwt.js";
import type { Disk } from "../../runtime/disk.js";
import type { Host } from "../host.js";
import { CommandError } from "../subcommand.js";
import { type KeyPair, readKeyPair } from "./key-pair.js";

/** Names become names of files. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** A JWT of the folder. */
export interface Entity {
  readonly name: string;
  readonly token: string;
  readonly claims: Claims;
}

export class AuthStore {
  readonly folder: string;
  readonly #disk: Disk;
  readonly #host: Pick<Host, "writeSecret">;

  constructor(folder: string, disk: Disk, host: Pick<Host, "writeSecret">) {
    this.folder = folder;
    this.#disk = disk;
    this.#host = host;
  }

  get hasOperator(): boolean {
    return this.#has(this.#operatorFile);
  }

  /** @throws {CommandError} COMMAND_UNKNOWN when there is none */
  operator(): Entity {
    if (this.hasOperator) return this.#read(this.#operatorFile, "operator");
    const hint = 'make one with "natsnode auth operator add NAME", or name its folder with --dir';
    throw new CommandError("COMMAND_UNKNOWN", `${this.folder} holds no operator; ${hint}`);
  }

  writeOperator(token: string): void {
    this.#write(this.#operatorFile, token);
  }

  accounts(): Entity[] {
    return this.#names("accounts").map((name) => this.#read(this.#accountFile(name), "account"));
  }

  /**
   * @param named its name or public key
   * @throws {CommandError} COMMAND_UNKNOWN
   */
  account(named: string): Entity {
    if (NAME.test(named) && this.#has(this.#accountFile(named))) return this.#read(this.#accountFile(named), "account");
    const found = this.accounts().find(({ claims }) => claims.subject === named);
    if (found !== undefined) return found;
    throw new CommandError("COMMAND_UNKNOWN", `no account "${named}" in ${this.folder}`);
  }

  /** Whether an account of this name is there. */
  hasAccount(name: string): boolean {
    return this.#has(this.#accountFile(name));
  }

  writeAccount(name: string, token: string): void {
    this.#write(this.#accountFile(name), token);
  }

  /** Removes its JWT, those of its users and their credential files; seeds stay. */
  removeAccount(account: Entity): void {
    for (const { name } of this.users(account.name)) this.removeUser(account.name, name);
    this.#removeAll([
      join("accounts", account.name, "users"),
      this.#accountFile(account.name),
      join("accounts", account.name),
      join("creds", account.name),
    ]);
  }

  users(account: string): Entity[] {
    const folder = join("accounts", account, "users");
    return this.#names(folder).map((file) => this.#read(join(folder, file), "user"));
  }

  /** @throws {CommandError} COMMAND_UNKNOWN */
  user(account: string, name: string): Entity {
    if (this.hasUser(account, name)) return this.#read(userFile(account, name), "user");
    throw new CommandError("COMMAND_UNKNOWN", `no user "${name}" in account ${account}`);
  }

  hasUser(account: string, name: string): boolean {
    return NAME.test(name) && this.#has(userFile(account, name));
  }

  writeUser(account: string, name: string, token: string): void {
    this.#write(userFile(account, name), token);
  }

  /** Removes its JWT and its credential file; the seed stays. */
  removeUser(account: string, name: string): void {
    this.#removeAll([userFile(account, name), credsFile(account, name)]);
  }

  /** Path of a user's credential file; undefined when it has none. */
  credsPath(account: string, name: string): string | undefined {
    return this.#has(credsFile(account, name)) ? join(this.folder, credsFile(account, name)) : undefined;
  }

  /** @returns the path of the file, which only its owner may read */
  writeCreds(account: string, name: string, text: string): string {
    return this.#writeSecret(credsFile(account, name), text);
  }

  /** @returns the path of the file, which only its owner may read */
  writeKey(pair: KeyPair): string {
    return this.#writeSecret(keyFile(pair.publicKey), `${pair.seed}\n`);
  }

  /** The pair of a public key; undefined when its seed is not in the folder. */
  key(publicKey: string): KeyPair | undefined {
    const file = keyFile(publicKey);
    if (!this.#has(file)) return undefined;
    const pair = readKeyPair(this.#text(file));
    if (pair.publicKey === publicKey) return pair;
    throw new CommandError("COMMAND_FILE", `${join(this.folder, file)} holds the seed of another key`);
  }

  removeKey(publicKey: string): void {
    this.#removeAll([keyFile(publicKey)]);
  }

  get #operatorFile(): string {
    return "operator.jwt";
  }

  #accountFile(name: string): string {
    return join("accounts", name, "account.jwt");
  }

  #has(path: string): boolean {
    return this.#disk.statSync(join(this.folder, path)) !== undefined;
  }

  #names(path: string): string[] {
    return this.#has(path) ? this.#disk.listSync(join(this.folder, path)).filter((name) => !isTemporary(name)) : [];
  }

  #text(path: string): string {
    const full = join(this.folder, path);
    try {
      return this.#disk.readSync(full).toString("utf8").trim();
    } catch (error) {
      throw new CommandError("COMMAND_FILE", `cannot read ${full}: ${(error as Error).message}`, error);
    }
  }

  #read(path: string, type: JwtType): Entity {
    const token = this.#text(path);
    try {
      const claims = decodeJwt(token, type);
      return { name: claims.name, token, claims };
    } catch (error) {
      const problem = `${join(this.folder, path)} holds no ${type} JWT: ${(error as Error).message}`;
      throw new CommandError("COMMAND_FILE", problem, error);
    }
  }

  #write(path: string, text: string): void {
    const full = join(this.folder, path);
    const temporary = `${full}${TEMPORARY}`;
    this.#disk.makeDirectorySync(dirname(full));
    this.#disk.writeSync(temporary, `${text}\n`);
    this.#disk.renameSync(temporary, full);
  }

  #writeSecret(path: string, text: string): string {
    const full = join(this.folder, path);
    this.#host.writeSecret(full, text);
    return full;
  }

  #removeAll(paths: readonly string[]): void {
    for (const path of paths) if (this.#has(path)) this.#disk.removeSync(join(this.folder, path));
  }
}

const TEMPORARY = ".tmp";
const isTemporary = (name: string): boolean => name.endsWith(TEMPORARY);
const userFile = (account: string, name: string): string => join("accounts", account, "users", `${name}.jwt`);
const credsFile = (account: string, name: string): string => join("creds", account, `${name}.creds`);
const keyFile = (publicKey: string): string => join("keys", `${publicKey}.nk`);

/**
 * The name, if it can be one of an account or user.
 * @throws {CommandError} COMMAND_INVALID
 */
export function checkName(name: string): string {
  if (NAME.test(name)) return name;
  const rule = "up to 64 letters, digits, dots, hyphens and underscores, not beginning with a dot or a hyphen";
  throw new CommandError("COMMAND_INVALID", `"${name}" cannot be a name: ${rule}`);
}
