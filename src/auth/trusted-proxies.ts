// Proxies that may vouch for clients: they pass connections on and add a signature of the nonce to CONNECT
// (`proxies { trusted }`, `proxy_required`).
import type { KeyObject } from "node:crypto";
import { OptionsError } from "../options/errors.js";
import type { ResolvedOptions } from "../options/options.js";
import { isAnyPublicNkey, signed, verifyingKeyOfAny } from "./nkey.js";

const BASE64_URL = /^[A-Za-z0-9_-]+$/;

export class TrustedProxies {
  readonly #keys: ReadonlyMap<string, KeyObject | undefined>;

  /** @throws {OptionsError} OPTIONS_VALUE: a key that is no public nkey */
  constructor(options: ResolvedOptions["proxies"]) {
    const keys = (options?.trusted ?? []).map(({ key = "" }) => key);
    const unusable = keys.find((key) => !isAnyPublicNkey(key));
    if (unusable !== undefined) {
      throw new OptionsError("OPTIONS_VALUE", "proxies.trusted", `proxy trusted key "${unusable}" is invalid`);
    }
    this.#keys = new Map(keys.map((key) => [key, verifyingKeyOfAny(key)]));
  }

  get any(): boolean {
    return this.#keys.size > 0;
  }

  trusts(nkey: string): boolean {
    return this.#keys.has(nkey);
  }

  /** The nkey of the proxy that has signed the nonce (URL-safe base64, no padding); undefined: none of them has. */
  signerOf(signature: string, nonce: string): string | undefined {
    if (nonce === "" || !BASE64_URL.test(signature)) return undefined;
    for (const [nkey, key] of this.#keys) if (key !== undefined && signed(key, nonce, signature)) return nkey;
    return undefined;
  }
}
