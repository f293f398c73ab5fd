// Answers of authorities about the certificates of others, kept in memory and saved to a file from time to time; the file is
// that of nats-server (`ocsp_cache`, type local).
import type { OcspAnswer } from "../../auth/certificates/ocsp.js";
import { formatMs } from "../../protocol/rfc3339.js";
import { S2Error } from "../../protocol/s2-error.js";
import { S2Reader } from "../../protocol/s2-reader.js";
import { S2Writer } from "../../protocol/s2-writer.js";
import type { Timer } from "../../runtime/clock.js";
import type { Logger } from "../../runtime/logger.js";
import type { Runtime } from "../../runtime/runtime.js";

const DEFAULT_FOLDER = "_rc_";
const DEFAULT_SAVE_MS = 300_000;
const FILE = "cache.json";
/** How the file says that an answer has no end. */
const NO_END = "0001-01-01T00:00:00Z";

type Status = OcspAnswer["status"];

interface Kept {
  readonly subject: string;
  /** As text of the file. */
  readonly cachedAt: string;
  readonly expires: string;
  readonly status: Status;
  /** DER. */
  readonly answer: Buffer;
}

/** An entry of the file. */
interface Entry {
  readonly subject?: string;
  readonly cached_at: string;
  readonly resp_status: Status;
  readonly resp_expires: string;
  readonly resp: string;
}

export interface OcspCacheOptions {
  readonly localStore?: string | undefined;
  readonly preserveRevoked?: boolean | undefined;
  readonly saveIntervalMs?: number | undefined;
}

export interface OcspCacheStatus {
  readonly hits: number;
  readonly misses: number;
  readonly responses: Readonly<Record<Status, number>>;
}

export interface OcspCacheWorld {
  readonly runtime: Pick<Runtime, "clock" | "disk">;
  readonly logger: Logger;
}

export class OcspCache {
  readonly #options: OcspCacheOptions;
  readonly #world: OcspCacheWorld;
  readonly #folder: string;
  // By the certificate's fingerprint.
  readonly #kept = new Map<string, Kept>();
  #hits = 0;
  #misses = 0;
  #changed = false;
  #timer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: OcspCacheOptions, world: OcspCacheWorld) {
    this.#options = options;
    this.#world = world;
    this.#folder = options.localStore || DEFAULT_FOLDER;
  }

  /** Reads the file, and begins to save. A file that cannot be read is logged, and counts as empty. */
  start(): void {
    this.#load();
    const { clock } = this.#world.runtime;
    this.#timer = clock.every(this.#options.saveIntervalMs ?? DEFAULT_SAVE_MS, () => void this.save());
  }

  /** Saves what has changed. Never rejects. */
  close(): Promise<void> {
    this.#timer?.cancel();
    return this.save();
  }

  /** The answer (DER) about the certificate with this fingerprint. */
  get(fingerprint: string): Buffer | undefined {
    const kept = this.#kept.get(fingerprint);
    if (kept === undefined) this.#misses++;
    else this.#hits++;
    this.#debug(() => `OCSP peer cache ${kept === undefined ? "miss" : "hit"} for key [${fingerprint}]`);
    return kept?.answer;
  }

  put(fingerprint: string, subject: string, answer: Buffer, { status, nextUpdateMs }: OcspAnswer): void {
    this.#debug(() => `Caching OCSP response for [${subject}], key [${fingerprint}]`);
    const cachedMs = Math.round(this.#world.runtime.clock.nowMs() / 1000) * 1000;
    this.#kept.set(fingerprint, {
      subject,
      cachedAt: formatMs(cachedMs),
      expires: nextUpdateMs === undefined ? NO_END : formatMs(nextUpdateMs),
      status,
      answer,
    });
    this.#changed = true;
  }

  /** What `get` has shown was of no use: it counts as a miss, and is forgotten unless it is a revocation to be preserved. */
  drop(fingerprint: string): void {
    const kept = this.#kept.get(fingerprint);
    if (kept === undefined) return;
    this.#hits--;
    this.#misses++;
    if (kept.status === "revoked" && this.#options.preserveRevoked) {
      this.#debug(() => `Revoked OCSP response for key [${fingerprint}] preserved by cache policy`);
      return;
    }
    this.#debug(() => `Deleting OCSP peer cached response for key [${fingerprint}]`);
    this.#kept.delete(fingerprint);
    this.#changed = true;
  }

  status(): OcspCacheStatus {
    const responses = { good: 0, revoked: 0, unknown: 0 };
    for (const { status } of this.#kept.values()) responses[status]++;
    return { hits: this.#hits, misses: this.#misses, responses };
  }

  /** Saves to the file what has changed since the last time. Never rejects: what fails is logged, and tried again later. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      if (!this.#changed) return;
      this.#changed = false;
      try {
        await this.#write();
      } catch (error) {
        this.#changed = true;
        this.#world.logger.error(`Unable to save OCSP peer cache: ${(error as Error).message}`);
      }
    });
    return this.#saving;
  }

  // Under another name first: a crash leaves the old file or the new one.
  async #write(): Promise<void> {
    const { disk } = this.#world.runtime;
    const path = `${this.#folder}/${FILE}`;
    const bytes = Buffer.from(this.#text());
    this.#debug(() => `Saving OCSP peer cache [${path}]`);
    await disk.makeDirectory(this.#folder);
    const file = await disk.open(`${path}.new`, "create");
    try {
      await file.truncate(0);
      await file.write([bytes], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(`${path}.new`, path);
    await disk.syncDirectory(this.#folder);
    this.#debug(() => `Saved OCSP peer cache successfully (${bytes.length} bytes)`);
  }

  #text(): string {
    const writer = new S2Writer("s2_fast");
    const sorted = [...this.#kept].sort(([a], [b]) => (a < b ? -1 : 1));
    const entries = sorted.map(([fingerprint, { subject, cachedAt, status, expires, answer }]) => {
      const entry: Entry = {
        subject: subject || undefined,
        cached_at: cachedAt,
        resp_status: status,
        resp_expires: expires,
        resp: Buffer.concat(writer.frame([answer])).toString("base64"),
      };
      return [fingerprint, entry];
    });
    return JSON.stringify(Object.fromEntries(entries), undefined, " ");
  }

  #load(): void {
    const { runtime, logger } = this.#world;
    const path = `${this.#folder}/${FILE}`;
    this.#debug(() => `Loading OCSP peer cache [${path}]`);
    try {
      const entries = JSON.parse(runtime.disk.readSync(path).toString("utf8")) as Record<string, Entry>;
      for (const [fingerprint, entry] of Object.entries(entries)) this.#kept.set(fingerprint, keptOf(entry));
    } catch (error) {
      this.#kept.clear();
      if ((error as { code?: string }).code === "ENOENT") {
        this.#debug(() => "No OCSP peer cache found, starting with empty cache");
      } else logger.warn(`Unable to load OCSP peer cache: ${(error as Error).message}`);
    }
  }

  #debug(line: () => string): void {
    const { logger } = this.#world;
    if (logger.debugOn) logger.debug(line());
  }
}

function keptOf({ subject = "", cached_at, resp_status, resp_expires, resp }: Entry): Kept {
  const status = resp_status === "good" || resp_status === "revoked" ? resp_status : "unknown";
  const pieces: Buffer[] = [];
  const bytes = Buffer.from(resp, "base64");
  const reader = new S2Reader((buffer, start, end) => {
    pieces.push(Buffer.from(buffer.subarray(start, end)));
    return true;
  });
  reader.feed(bytes, 0, bytes.length);
  if (pieces.length === 0) throw new S2Error("S2_CHUNK", "s2: unexpected EOF");
  return { subject, cachedAt: cached_at, status, expires: resp_expires, answer: Buffer.concat(pieces) };
}
