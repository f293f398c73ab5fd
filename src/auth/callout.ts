// Auth callout: a service in an account decides who is let in (ADR-26). The server asks on one subject, with a question
// that only fits this connection, and takes the first answer.
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import type { Account } from "../accounts/account.js";
import { type RequestWorld, requestWithin } from "../accounts/internal-request.js";
import type { Logger } from "../runtime/logger.js";
import type { Admission, Credentials, Origin } from "./authenticator.js";
import {
  type CalloutAnswer,
  CalloutError,
  type CalloutServer,
  type CalloutTls,
  decodeAnswer,
  encodeQuestion,
} from "./jwt/callout-claims.js";
import { withPublishDenied } from "./jwt/jwt-login.js";
import { publicNkey } from "./nkey.js";
import { open, SEAL_NONCE_BYTES, seal } from "./sealed-box.js";

export const CALLOUT_SUBJECT = "$SYS.REQ.USER.AUTH";

const JWT_START = "eyJ";
const KEY_BYTES = 32;
// The DER header (RFC 8410) that precedes 32 bytes of an ed25519 private key.
const ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
const KINDS: Partial<Record<Origin["type"], string>> = { LEAFNODE: "Leafnode", LEAFNODE_WS: "Leafnode" };
const TYPES: Partial<Record<Origin["type"], string>> = {
  WEBSOCKET: "websocket",
  LEAFNODE_WS: "websocket",
  MQTT: "mqtt",
  MQTT_WS: "mqtt",
};

/** What callouts need of the server. */
export interface CalloutWorld extends RequestWorld {
  readonly logger: () => Logger;
  readonly signingKey: KeyObject;
  readonly curveKey: KeyObject;
  /** How long a login may take. */
  readonly timeoutMs: () => number;
  /** Who asks; `xkey` is the public half of `curveKey`. */
  server(): CalloutServer & { readonly xkey: string };
  /** What a certificate and its handshake look like to a service; undefined in the clear. */
  tls?(origin: Origin): CalloutTls | undefined;
}

/** One question. */
export interface Asking {
  /** Where the service is. */
  readonly account: Account;
  /** Whom the question names: the issuer that has to answer, or the account. */
  readonly subject: string;
  /** The service's public curve nkey, to seal for; "" for none. */
  readonly xkey: string;
  readonly credentials: Credentials;
  readonly origin: Origin;
  /** The client's own JWT, as far as it counts. */
  readonly user: {
    readonly jwt: string;
    readonly subject: string;
    readonly name: string;
    readonly tags: readonly string[];
  };
  /** Lets the user of the answer in, or throws why not. */
  admit(answer: CalloutVerdict): Admission | Promise<Admission>;
}

export interface CalloutVerdict extends CalloutAnswer {
  /** Whether it could be sealed, which only the holder of the service's curve key can do. */
  readonly sealed: boolean;
  /** The public user nkey that the user JWT has to be of. */
  readonly userNkey: string;
}

/** Asks the service; undefined: nobody is let in, and the log says why. */
export async function callOut(asking: Asking, world: CalloutWorld): Promise<Admission | undefined> {
  const { account, xkey } = asking;
  const userNkey = newUserNkey(world.random.bytes(KEY_BYTES));
  const isSealed = xkey !== "";
  const server = world.server();
  const timeoutMs = world.timeoutMs();
  const question = Buffer.from(questionFor(asking, world, userNkey, isSealed, timeoutMs));
  try {
    const payload = isSealed ? seal(question, world.curveKey, xkey, world.random.bytes(SEAL_NONCE_BYTES)) : question;
    const headers = Buffer.from(isSealed ? `NATS/1.0\r\nNats-Server-Xkey: ${server.xkey}\r\n\r\n` : "");
    const answer = await requestWithin(
      {
        ...{ account, subject: CALLOUT_SUBJECT, headers, payload, timeoutMs },
        accept: (bytes) => Buffer.from(bytes),
      },
      world,
    );
    if (answer === undefined) {
      const line = `Authorization callout response not received in time on account "${account.name}"`;
      world.logger().debug(line);
      return undefined;
    }
    if (answer.length === 0) {
      throw new CalloutError(`auth callout violation: "no reason supplied" on account "${account.name}"`);
    }
    const sealed = isSealed && answer.toString("latin1", 0, JWT_START.length) !== JWT_START;
    const token = (sealed ? open(answer, world.curveKey, xkey) : answer).toString("utf8");
    const nowSeconds = Math.floor(world.clock.nowMs() / 1000);
    return await asking.admit({ ...decodeAnswer(token, userNkey, server.id, nowSeconds), sealed, userNkey });
  } catch (error) {
    const { message } = error as Error;
    world.logger().warn(message.charAt(0).toUpperCase() + message.slice(1));
    return undefined;
  }
}

/** Who is let into the account of the service must not be able to pretend to be the server. */
export function keptFromAsking(admission: Admission | undefined, account: string): Admission | undefined {
  return admission?.account.name === account ? withPublishDenied(admission, CALLOUT_SUBJECT) : admission;
}

/** The name by which lists of users without a callout know a connection. */
export function rawUserOf({ nkey, user, jwt, authToken }: Credentials, jwtSubject = ""): string {
  if (nkey || user) return nkey || user || "";
  if (jwt) return jwtSubject;
  return authToken ? "[REDACTED]" : "";
}

function questionFor(
  asking: Asking,
  world: CalloutWorld,
  userNkey: string,
  isSealed: boolean,
  timeoutMs: number,
): string {
  const { subject, credentials, origin, user: ofUser } = asking;
  const server = world.server();
  const { user = "", pass = "", authToken = "", nkey = "", sig = "" } = credentials;
  const { name = "", lang = "", version = "", protocol = 0 } = credentials;
  const nowSeconds = Math.floor(world.clock.nowMs() / 1000);
  return encodeQuestion(
    {
      subject,
      userNkey,
      server: { ...server, xkey: isSealed ? server.xkey : undefined },
      client: {
        host: origin.remoteAddress,
        id: origin.connectionId ?? 0,
        user: rawUserOf(credentials, ofUser.subject),
        name,
        tags: ofUser.tags,
        nameTag: ofUser.name,
        kind: KINDS[origin.type] ?? "Client",
        type: TYPES[origin.type] ?? "nats",
        mqttId: "",
        nonce: sig === "" ? "" : origin.nonce,
      },
      connect: { jwt: ofUser.jwt, nkey, sig, authToken, user, pass, name, lang, version, protocol },
      tls: world.tls?.(origin),
    },
    { issuedAt: nowSeconds, expires: nowSeconds + Math.ceil(timeoutMs / 1000) },
    world.signingKey,
  );
}

function newUserNkey(seed: Uint8Array): string {
  const key = createPrivateKey({ key: Buffer.concat([ED25519, seed]), format: "der", type: "pkcs8" });
  return publicNkey("user", createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-KEY_BYTES));
}
