// A directory of account JWTs, one file `<public key>.jwt` each, with an index: how many there are, when they end, and one
// hash over all of them by which servers compare their stores.
import { createHash } from "node:crypto";
import type { Clock, Timer } from "../../runtime/clock.js";
import type { Disk } from "../../runtime/disk.js";
import { isPublicNkey } from "../nkey.js";
import { type Claims, decodeJwt, JwtError } from "./jwt.js";

const SUFFIX = ".jwt";
const DELETED_SUFFIX = ".deleted";
const UNFINISHED_SUFFIX = ".tmp";
const LONGEST_CHECK_MS = 60_000;
const HASH_BYTES = 32;

export interface JwtDirectoryOptions {
  readonly path: string;
  /** Most JWTs; infinite: no limit. */
  readonly limit: number;
  /** At the limit: gives up the one not used for the longest time, instead of refusing. */
  readonly evicts: boolean;
  /** How long a JWT is kept after its last use, instead of until it expires; 0: until it expires. */
  readonly ttlMs: number;
  readonly deletion: "refused" | "renames" | "removes";
}

export interface JwtDirectoryWorld {
  readonly disk: Disk;
  readonly clock: Clock;
  /** A JWT was stored that differs from the one before. */
  changed(account: string, jwt: string): void;
  deleted(account: string): void;
}

interface Entry {
  readonly hash: Buffer;
  /** Wall-clock time. */
  endsMs: number;
}

export class JwtDirectory {
  readonly options: JwtDirectoryOptions;
  readonly #world: JwtDirectoryWorld;
  // In the order of their last use.
  readonly #index = new Map<string, Entry>();
  readonly #hash = Buffer.alloc(HASH_BYTES);
  #timer: Timer | undefined;
  // Changes of the directory, one after the other.
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: JwtDirectoryOptions, world: JwtDirectoryWorld) {
    this.options = options;
    this.#world = world;
  }

  /** Makes the directory when it is missing and reads what is in it. Rejects with the platform's error. */
  async open(): Promise<void> {
    const { path, ttlMs } = this.options;
    await this.#world.disk.makeDirectory(path);
    for (const name of await this.#world.disk.list(path)) {
      const key = name.slice(0, -SUFFIX.length);
      if (!name.endsWith(SUFFIX) || !isPublicNkey(key, "account")) continue;
      const jwt = await this.#read(key);
      if (jwt !== undefined) this.#track(key, jwt);
    }
    const period = ttlMs > 0 ? Math.min(ttlMs / 2, LONGEST_CHECK_MS) : LONGEST_CHECK_MS;
    this.#timer = this.#world.clock.every(period, () => void this.#inTurn(() => this.#expire()));
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#last;
  }

  get size(): number {
    return this.#index.size;
  }

  /** All JWTs' SHA-256, put together by exclusive or. */
  get hash(): Uint8Array {
    return Uint8Array.from(this.#hash);
  }

  /** The accounts whose JWT has not expired, sorted. */
  async list(): Promise<string[]> {
    return (await this.pack()).map(([account]) => account);
  }

  /** Account and JWT of each whose JWT has not expired, sorted by account. */
  async pack(): Promise<[account: string, jwt: string][]> {
    const nowSeconds = this.#world.clock.nowMs() / 1000;
    const packed: [string, string][] = [];
    for (const key of [...this.#index.keys()].sort()) {
      const jwt = await this.#read(key);
      if (!jwt) continue;
      const { expires = 0 } = decoded(jwt) ?? {};
      if (expires === 0 || expires >= nowSeconds) packed.push([key, jwt]);
    }
    return packed;
  }

  /** Undefined when there is none. */
  async load(account: string): Promise<string | undefined> {
    if (!isPublicNkey(account, "account")) return undefined;
    const jwt = await this.#read(account);
    const entry = this.#index.get(account);
    if (entry !== undefined) this.#used(account, entry);
    return jwt || undefined;
  }

  /** Stores a JWT whatever was there before. Rejects when the directory is full, or with the platform's error. */
  save(account: string, jwt: string): Promise<void> {
    return this.#inTurn(() => this.#save(account, jwt));
  }

  /** Stores a JWT unless the one that is there was issued later. Rejects as `save`, and for a JWT that is none. */
  saveIfNewer(account: string, jwt: string): Promise<void> {
    return this.#inTurn(async () => {
      const existing = decoded((await this.#read(account)) ?? "");
      const next = decodeJwt(jwt, "generic");
      if (next.subject !== account) throw new Error("jwt subject nkey and provided nkey do not match");
      if (existing !== undefined && (existing.id === next.id || existing.issuedAt > next.issuedAt)) return;
      await this.#save(account, jwt);
    });
  }

  /** Takes a JWT away; nothing happens when there is none. */
  delete(account: string): Promise<void> {
    return this.#inTurn(async () => {
      const { deletion } = this.options;
      if (deletion === "refused") throw new Error("store is not set up to for delete");
      const { disk } = this.#world;
      const path = this.#pathOf(account);
      if ((await disk.stat(path)) === undefined) return;
      if (deletion === "renames") await disk.rename(path, path + DELETED_SUFFIX);
      else await disk.remove(path);
      await disk.syncDirectory(this.options.path);
      this.#untrack(account);
      this.#world.deleted(account);
    });
  }

  async #save(account: string, jwt: string): Promise<void> {
    if (jwt === "") throw new Error("invalid JWT");
    if (!isPublicNkey(account, "account")) throw new Error("invalid public key");
    const known = this.#index.get(account);
    if (known !== undefined) {
      this.#used(account, known);
      if (known.hash.equals(hashOf(jwt))) return;
    } else if (this.#index.size >= this.options.limit) await this.#evict();
    await this.#write(account, jwt);
    this.#track(account, jwt);
    this.#world.changed(account, jwt);
  }

  async #evict(): Promise<void> {
    const [oldest] = this.#index.keys();
    if (!this.options.evicts || oldest === undefined) throw new Error("jwt store is full");
    await this.#world.disk.remove(this.#pathOf(oldest));
    this.#untrack(oldest);
  }

  // Under another name first: a crash leaves the old JWT or the new one.
  async #write(account: string, jwt: string): Promise<void> {
    const { disk } = this.#world;
    const path = this.#pathOf(account);
    const unfinished = path + UNFINISHED_SUFFIX;
    const file = await disk.open(unfinished, "create");
    try {
      await file.truncate(0);
      await file.write([Buffer.from(jwt)], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(unfinished, path);
    await disk.syncDirectory(this.options.path);
  }

  async #read(account: string): Promise<string | undefined> {
    try {
      return (await this.#world.disk.read(this.#pathOf(account))).toString("utf8");
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async #expire(): Promise<void> {
    const nowMs = this.#world.clock.nowMs();
    for (const [account, { endsMs }] of [...this.#index]) {
      if (endsMs > nowMs) continue;
      await this.#world.disk.remove(this.#pathOf(account)).catch(() => {});
      this.#untrack(account);
    }
  }

  #track(account: string, jwt: string): void {
    this.#untrack(account);
    const { expires = 0 } = decoded(jwt) ?? {};
    const entry: Entry = { hash: hashOf(jwt), endsMs: expires > 0 ? expires * 1000 : Number.POSITIVE_INFINITY };
    this.#used(account, entry);
    this.#mix(entry.hash);
  }

  #untrack(account: string): void {
    const entry = this.#index.get(account);
    if (entry === undefined) return;
    this.#index.delete(account);
    this.#mix(entry.hash);
  }

  #used(account: string, entry: Entry): void {
    this.#index.delete(account);
    this.#index.set(account, entry);
    const { ttlMs } = this.options;
    if (ttlMs > 0) entry.endsMs = this.#world.clock.nowMs() + ttlMs;
  }

  #mix(hash: Buffer): void {
    for (let at = 0; at < HASH_BYTES; at++) this.#hash[at] ^= hash[at];
  }

  #pathOf(account: string): string {
    return `${this.options.path}/${account}${SUFFIX}`;
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }
}

function hashOf(jwt: string): Buffer {
  return createHash("sha256").update(jwt, "utf8").digest();
}

function decoded(jwt: string): Claims | undefined {
  try {
    return decodeJwt(jwt, "generic");
  } catch (error) {
    if (error instanceof JwtError) return undefined;
    throw error;
  }
}
