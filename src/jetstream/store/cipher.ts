// Encryption at rest: AES-256-GCM or ChaCha20-Poly1305 by the platform, with a key derived from the configured one.
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";
import type { Random } from "../../runtime/random.js";
import { StoreError } from "./errors.js";

export type CipherName = "aes" | "chacha";

const ALGORITHMS = { aes: "aes-256-gcm", chacha: "chacha20-poly1305" } as const;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NO_SALT = Buffer.alloc(0);

/** Seals pieces of files, each with a nonce of its own. */
export class Cipher {
  readonly name: CipherName;
  /** Tells keys apart without telling them; stands in the files. */
  readonly keyId: string;
  private readonly key: Buffer;
  private readonly random: Random;

  /** `secret` is the configured key. */
  constructor(name: CipherName, secret: string, random: Random) {
    this.name = name;
    this.random = random;
    this.key = Buffer.from(hkdfSync("sha256", secret, NO_SALT, `natsnode store ${name}`, KEY_BYTES));
    this.keyId = createHash("sha256").update("id").update(this.key).digest("hex").slice(0, 16);
  }

  /** Nonce, text and tag. */
  seal(plain: Uint8Array): Buffer {
    const nonce = this.random.bytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHMS[this.name] as "aes-256-gcm", this.key, nonce, {
      authTagLength: TAG_BYTES,
    });
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** What was sealed. Throws StoreError STORE_DAMAGED when it is not what this key has sealed. */
  open(sealed: Uint8Array): Buffer {
    const end = sealed.length - TAG_BYTES;
    try {
      const nonce = sealed.subarray(0, NONCE_BYTES);
      const algorithm = ALGORITHMS[this.name] as "aes-256-gcm";
      const decipher = createDecipheriv(algorithm, this.key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(sealed.subarray(end));
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, end)), decipher.final()]);
    } catch (cause) {
      throw new StoreError("STORE_DAMAGED", "a sealed part does not open", cause);
    }
  }
}

/** The ciphers of a storage: what is written is sealed with `current`; `previous` opens what was before. */
export class Keys {
  readonly current: Cipher | undefined;
  private readonly known = new Map<string, Cipher>();

  /** Each with its key; either cipher's files of both keys are read. */
  constructor(random: Random, options: { cipher?: CipherName; key?: string; previousKey?: string }) {
    const { cipher = "chacha", key, previousKey } = options;
    for (const secret of [previousKey, key]) {
      if (secret === undefined || secret === "") continue;
      for (const name of ["aes", "chacha"] as const) {
        const made = new Cipher(name, secret, random);
        this.known.set(made.keyId, made);
        if (secret === key && name === cipher) this.current = made;
      }
    }
  }

  /** The cipher of a file. Throws StoreError STORE_KEY when it is not known. */
  find(keyId: string | undefined, path: string): Cipher | undefined {
    if (keyId === undefined) return undefined;
    const found = this.known.get(keyId);
    if (found === undefined) {
      throw new StoreError("STORE_KEY", `${path} is encrypted with a key that was not given`);
    }
    return found;
  }

  /** The cipher that opens a part of an unknown one, and what it holds; undefined when none does. */
  tryAll(sealed: Uint8Array): Buffer | undefined {
    for (const cipher of this.known.values()) {
      try {
        return cipher.open(sealed);
      } catch {
        // Another one may.
      }
    }
    return undefined;
  }
}
