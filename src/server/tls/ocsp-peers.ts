// The status of other sides' certificates: when they connect, the authorities that have issued the certificates are asked for
// it (`ocsp_peer`; https://docs.nats.io/running-a-nats-service/configuration/ocsp).
import { createHash, X509Certificate } from "node:crypto";
import { readCertificate } from "../../auth/certificates/certificate.js";
import { subjectText } from "../../auth/certificates/distinguished-name.js";
import { type OcspAnswer, readOcspAnswer, respondersOf, timeFault } from "../../auth/certificates/ocsp.js";
import { askResponder } from "../../auth/certificates/ocsp-responder.js";
import type { ResolvedOptions } from "../../options/options.js";
import type { Logger } from "../../runtime/logger.js";
import type { Runtime } from "../../runtime/runtime.js";
import { TlsError, type TlsSession } from "../../runtime/tls.js";
import type { ServerEvents } from "../events.js";
import type { Commit } from "../room.js";
import { OcspCache, type OcspCacheStatus } from "./ocsp-cache.js";

const DEFAULT_SKEW_MS = 30_000;
const DEFAULT_TIMEOUT_MS = 2_000;
/** How long an answer counts that does not say until when. */
const DEFAULT_TTL_MS = 3_600_000;

export type OcspPeerOptions = NonNullable<NonNullable<ResolvedOptions["tls"]>["ocspPeer"]>;

/** What kind of connection it is, in the words of the advisories. */
export type OcspPeerKind = "Client" | "Leafnode";

/** A certificate whose status can be asked for, and who has issued it. */
interface Link {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
  readonly responders: readonly string[];
  readonly subject: string;
  readonly fingerprint: string;
}

export interface OcspPeersWorld {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly events: ServerEvents;
}

/** Why there is no answer that counts; `reason` is what is told of it. */
interface Fault {
  readonly reason: string;
  readonly unreachable?: boolean;
}

export class OcspPeers {
  readonly #world: OcspPeersWorld;
  #cache: OcspCache | undefined;
  // The options that the cache is for; undefined while nobody is checked.
  #cacheOptions: string | undefined;

  constructor(world: OcspPeersWorld) {
    this.#world = world;
  }

  /** What is kept of answers; undefined where none is. */
  get cacheStatus(): OcspCacheStatus | undefined {
    return this.#cache?.status();
  }

  /** The cache is there as long as options check anybody. */
  prepare(options: ResolvedOptions): Commit {
    return async () => {
      const { ocspCache } = options;
      const next = checksPeers(options) ? JSON.stringify(ocspCache ?? {}) : undefined;
      if (next === this.#cacheOptions) return;
      await this.close();
      this.#cacheOptions = next;
      if (next === undefined) return;
      const isLocal = ocspCache?.type !== "none";
      this.#cache = isLocal ? new OcspCache(ocspCache ?? {}, this.#world) : undefined;
      this.#cache?.start();
      this.#world.logger.info(`OCSP peer cache online, type [${isLocal ? "local" : "none"}]`);
    };
  }

  /** Saves the cache. Never rejects. */
  async close(): Promise<void> {
    const cache = this.#cache;
    this.#cache = undefined;
    this.#cacheOptions = undefined;
    await cache?.close();
  }

  /** Rejects with a TlsError (TLS_CERTIFICATE) when the authorities do not stand by the other side's certificates. */
  async check(
    session: TlsSession,
    peer: "client" | "server",
    kind: OcspPeerKind,
    options: OcspPeerOptions,
  ): Promise<void> {
    const chain = (session.verifiedChain ?? []).map((der) => new X509Certificate(der));
    this.#debug(`Peer OCSP enabled: ${chain.length > 0 ? 1 : 0} TLS ${peer} chain(s) will be evaluated`);
    if (await this.#isValid(chain, options)) return;
    const reason = `${peer} not OCSP valid`;
    if (chain.length > 0) this.#world.events.emit("ocspPeerRejected", kind, chain[0].raw, reason);
    throw new TlsError("TLS_CERTIFICATE", reason);
  }

  async #isValid(chain: readonly X509Certificate[], options: OcspPeerOptions): Promise<boolean> {
    const { logger, events } = this.#world;
    if (chain.length === 0) {
      logger.error("Peer certificate is nil, rejecting OCSP peer");
      return false;
    }
    this.#debug(`Chain [0]: ${chain.length} total link(s)`);
    const links = chain.slice(0, -1).flatMap((certificate, i) => linkOf(certificate, chain[i + 1]));
    if (links.length === 0) {
      const why = chain.length === 1 ? "is self-signed" : "has no OCSP eligible links";
      this.#debug(`Chain [0] ${why}, thus peer is valid`);
      return true;
    }
    this.#debug(`Chain [0] has ${links.length} OCSP eligible link(s)`);
    for (const link of links) {
      const reason = await this.#faultOf(link, options);
      if (reason === undefined) continue;
      this.#debug(reason);
      events.emit("ocspLinkInvalid", chain[0].raw, link.certificate.raw, reason);
      this.#debug("No OCSP valid chains, thus peer is invalid");
      return false;
    }
    this.#debug("Chain [0] is OCSP valid for all eligible links, thus peer is valid");
    return true;
  }

  // Why a certificate does not pass; undefined: it does.
  async #faultOf(link: Link, options: OcspPeerOptions): Promise<string | undefined> {
    const { logger } = this.#world;
    const { subject } = link;
    const cached = this.#cached(link, options);
    const found = cached.answer ?? (await this.#ask(link, options));
    if ("status" in found) {
      const { status } = found;
      if (status === "good" || (status === "unknown" && options.unknownIsGood)) {
        this.#debug(`OCSP verify pass for [${subject}]`);
        return undefined;
      }
      logger.warn(`OCSP verify fail for [${subject}] with CA status [${status}]`);
    }
    if (options.warnOnly) {
      logger.warn(`OCSP verify fail for [${subject}] but WarnOnly is true so allowing`);
      return undefined;
    }
    if ("status" in found) return `Invalid OCSP response status: ${found.status}`;
    if (found.unreachable && options.allowWhenCaUnreachable) {
      const rest = cached.wasRevoked ? "cached revocation exists so rejecting" : "no cached revocation so allowing";
      logger.warn(`Failed to obtain OCSP CA response for [${subject}] but AllowWhenCAUnreachable set; ${rest}`);
      if (!cached.wasRevoked) return undefined;
    }
    return found.reason;
  }

  // What is kept, if it counts now; and whether it was a revocation, even one that does not count any more.
  #cached(link: Link, options: OcspPeerOptions): { answer?: OcspAnswer; wasRevoked: boolean } {
    const cache = this.#cache;
    const { subject, fingerprint } = link;
    this.#debug(`Checking OCSP peer cache for [${subject}], key [${fingerprint}]`);
    const der = cache?.get(fingerprint);
    if (der === undefined) return { wasRevoked: false };
    const answer = this.#read(der, link);
    if (answer instanceof Error) {
      this.#debug(`Invalid cached OCSP response for [${subject}] with fingerprint [${fingerprint}]`);
      cache?.drop(fingerprint);
      return { wasRevoked: false };
    }
    const wasRevoked = answer.status === "revoked";
    if (this.#isCurrent(answer, options)) {
      this.#debug(`Cached OCSP response is current, status [${answer.status}]`);
      return { answer, wasRevoked };
    }
    this.#debug(`Cached OCSP response is expired, status [${answer.status}]`);
    cache?.drop(fingerprint);
    return { wasRevoked };
  }

  async #ask(link: Link, options: OcspPeerOptions): Promise<OcspAnswer | Fault> {
    const { logger } = this.#world;
    const { subject, fingerprint } = link;
    const der = await this.#answerOf(link, orDefault(options.caTimeoutMs || -1, DEFAULT_TIMEOUT_MS));
    if (der instanceof Error) {
      const why = `exhausted OCSP responders: ${der.message}`;
      logger.warn(`Attempt to obtain OCSP response from CA responder for [${subject}] failed: ${why}`);
      return { reason: "Failed OCSP response fetch", unreachable: true };
    }
    const answer = this.#read(der, link);
    if (answer instanceof Error) {
      logger.error(`Could not parse OCSP CA response for [${subject}]: ${answer.message}`);
      return { reason: "Failed OCSP response parse" };
    }
    if (!this.#isCurrent(answer, options)) {
      logger.warn(`New OCSP CA response obtained for [${subject}] but not current`);
      return { reason: "OCSP response not in effectivity window" };
    }
    this.#cache?.put(fingerprint, subject, der, answer);
    return answer;
  }

  // Of the first responder that answers; else the last error.
  async #answerOf({ certificate, issuer, responders }: Link, timeoutMs: number): Promise<Buffer | Error> {
    let failure = new Error("no available OCSP servers");
    for (const url of responders) {
      this.#debug(`Trying OCSP responder url [${url}]`);
      try {
        return await askResponder(this.#world.runtime.network, url, certificate, issuer, timeoutMs);
      } catch (error) {
        failure = error as Error;
      }
    }
    return failure;
  }

  #read(der: Buffer, { certificate, issuer }: Link): OcspAnswer | Error {
    try {
      return readOcspAnswer(der, certificate, issuer, this.#world.runtime.clock.nowMs());
    } catch (error) {
      return error as Error;
    }
  }

  #isCurrent(answer: OcspAnswer, { allowedClockSkewMs, cacheTtlMs }: OcspPeerOptions): boolean {
    const nextUpdateMs = answer.nextUpdateMs ?? answer.thisUpdateMs + orDefault(cacheTtlMs, DEFAULT_TTL_MS);
    const nowMs = this.#world.runtime.clock.nowMs();
    const fault = timeFault({ ...answer, nextUpdateMs }, nowMs, orDefault(allowedClockSkewMs, DEFAULT_SKEW_MS));
    if (fault !== undefined) this.#debug(`OCSP response is ${fault}`);
    return fault === undefined;
  }

  #debug(line: string): void {
    const { logger } = this.#world;
    if (logger.debugOn) logger.debug(line);
  }
}

/** Whether any connection is asked for. */
function checksPeers({ tls, websocket, leafnodes }: ResolvedOptions): boolean {
  const blocks = [tls, websocket?.tls, leafnodes?.tls, ...(leafnodes?.remotes ?? []).map((remote) => remote.tls)];
  return blocks.some((block) => block?.ocspPeer?.verify === true);
}

// Times below zero are passed over, as in the reference.
function orDefault(ms: number | undefined, defaultMs: number): number {
  return ms === undefined || ms < 0 ? defaultMs : ms;
}

function linkOf(certificate: X509Certificate, issuer: X509Certificate): Link[] {
  const responders = respondersOf(certificate);
  if (responders.length === 0) return [];
  const subject = subjectText(readCertificate(certificate.raw).subject);
  const fingerprint = fingerprintOf(certificate.raw);
  return [{ certificate, issuer, responders, subject, fingerprint }];
}

/** SHA-256 of a certificate (DER), in base64: its key in the cache, and in advisories. */
export function fingerprintOf(certificate: Uint8Array): string {
  return createHash("sha256").update(certificate).digest("base64");
}
