// The status of this server's own certificates, asked for before clients do and shown with them in handshakes
// (https://docs.nats.io/running-a-nats-service/configuration/ocsp).
import { X509Certificate } from "node:crypto";
import { mustStaple, OcspError, readOcspAnswer, respondersOf, timeFault } from "../../auth/certificates/ocsp.js";
import { askResponder } from "../../auth/certificates/ocsp-responder.js";
import type { ResolvedOptions } from "../../options/options.js";
import type { Timer } from "../../runtime/clock.js";
import type { Logger } from "../../runtime/logger.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { TlsSettings } from "../../runtime/tls.js";

const ASK_MS = 2_000;
/** How far the authority's clock may be off. */
const CLOCK_SKEW_MS = 300_000;
/** Before an answer ends half of its time is left for asking again, within these bounds. */
const SOONEST_MS = 60_000;
const LATEST_MS = 24 * 3_600_000;
/** After a failure. */
const RETRY_MS = 60_000;

export type OcspOptions = ResolvedOptions["ocsp"];

interface Asked {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
  readonly urls: readonly string[];
  answer: { readonly bytes: Buffer; readonly endsMs: number } | undefined;
  timer: Timer | undefined;
}

export interface StaplesWorld {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Called when the mode is `always` or `must` and the authority says that a certificate was revoked. */
  revoked?(): void;
}

export class OcspStaples {
  readonly #world: StaplesWorld;
  readonly #options: OcspOptions;
  // By fingerprint.
  readonly #asked = new Map<string, Asked>();
  #closed = false;

  /** @param options undefined: as the mode `auto` has it, only for certificates that say so */
  constructor(settings: TlsSettings, options: OcspOptions, world: StaplesWorld) {
    this.#world = world;
    this.#options = options;
    const { mode = "auto", url, urls = [] } = options ?? {};
    if (mode === "never") return;
    for (const { certificate: pem } of settings.pairs) {
      const [certificate, ...chain] = certificatesOf(pem);
      if (certificate === undefined || (mode !== "always" && !mustStaple(certificate))) continue;
      const issuer = [...chain, ...certificatesOf(settings.authorities ?? "")].find((one) =>
        certificate.checkIssued(one),
      );
      const responders = [...(url === undefined ? [] : [url]), ...urls];
      const asked = responders.length > 0 ? responders : respondersOf(certificate);
      if (issuer === undefined || asked.length === 0) {
        const lacks = issuer === undefined ? "its issuer is not known" : "it names no responder";
        world.logger.warn(`OCSP: the certificate of ${certificate.subject} is not stapled: ${lacks}`);
        continue;
      }
      this.#asked.set(certificate.fingerprint256, {
        certificate,
        issuer,
        urls: asked,
        answer: undefined,
        timer: undefined,
      });
    }
  }

  /** Whether there is any certificate to ask for. */
  get any(): boolean {
    return this.#asked.size > 0;
  }

  /** Asks for all of them, and again before the answers end. Resolves when each was asked for once. Never rejects. */
  async start(): Promise<void> {
    await Promise.all([...this.#asked.values()].map((asked) => this.#ask(asked)));
  }

  stop(): void {
    this.#closed = true;
    for (const { timer } of this.#asked.values()) timer?.cancel();
  }

  /** The answer for a certificate (DER); undefined while there is none that still counts. */
  for(certificate: Uint8Array): Buffer | undefined {
    const answer = this.#asked.get(new X509Certificate(certificate).fingerprint256)?.answer;
    return answer !== undefined && answer.endsMs >= this.#world.runtime.clock.nowMs() ? answer.bytes : undefined;
  }

  async #ask(asked: Asked): Promise<void> {
    const { runtime, logger } = this.#world;
    const { certificate, issuer } = asked;
    let nextMs = RETRY_MS;
    for (const url of asked.urls) {
      try {
        const bytes = await askResponder(runtime.network, url, certificate, issuer, ASK_MS);
        // Another certificate may have taken its place, and what becomes of this one is nobody's concern.
        if (this.#closed) return;
        const nowMs = runtime.clock.nowMs();
        const answer = readOcspAnswer(bytes, certificate, issuer, nowMs);
        const fault = timeFault(answer, nowMs, CLOCK_SKEW_MS);
        if (fault !== undefined) throw new OcspError(`the answer is ${fault}`);
        const endsMs = answer.nextUpdateMs ?? Number.POSITIVE_INFINITY;
        asked.answer = answer.status === "unknown" ? undefined : { bytes, endsMs };
        const leftMs = (answer.nextUpdateMs ?? nowMs + LATEST_MS) - nowMs;
        nextMs = Math.min(Math.max(leftMs / 2, SOONEST_MS), LATEST_MS);
        logger.debug(`OCSP: the status of ${certificate.subject} is ${answer.status}`);
        if (answer.status === "revoked") this.#isRevoked(certificate);
        break;
      } catch (error) {
        logger.error(
          `OCSP: the status of ${certificate.subject} cannot be had from ${url}: ${(error as Error).message}`,
        );
      }
    }
    if (this.#closed) return;
    asked.timer = runtime.clock.after(nextMs, () => void this.#ask(asked));
  }

  #isRevoked(certificate: X509Certificate): void {
    this.#world.logger.error(`OCSP: the certificate of ${certificate.subject} is revoked`);
    const { mode } = this.#options ?? {};
    if (mode === "always" || mode === "must") this.#world.revoked?.();
  }
}

function certificatesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
