// The JWTs of an auth callout: the server's question about a connection, and the service's answer (ADR-26).
import type { KeyObject } from "node:crypto";
import { isPublicNkey } from "../nkey.js";
import { text } from "./claims-reader.js";
import { decodeJwt, encodeJwt, timeFault } from "./jwt.js";

const AUDIENCE = "nats-authorization-request";

/** The server that asks. */
export interface CalloutServer {
  readonly name: string;
  readonly host: string;
  readonly id: string;
  readonly version: string;
  readonly cluster: string | undefined;
  readonly tags: readonly string[];
  /** Public curve nkey; undefined when nothing is sealed. */
  readonly xkey: string | undefined;
}

/** The connection that it asks about; "" and empty lists are left out. */
export interface CalloutClient {
  readonly host: string;
  readonly id: number;
  readonly user: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly nameTag: string;
  readonly kind: string;
  readonly type: string;
  readonly mqttId: string;
  readonly nonce: string;
}

/** What the connection said of itself. */
export interface CalloutConnect {
  readonly jwt: string;
  readonly nkey: string;
  readonly sig: string;
  readonly authToken: string;
  readonly user: string;
  readonly pass: string;
  readonly name: string;
  readonly lang: string;
  readonly version: string;
  readonly protocol: number;
}

/** What its TLS handshake came to. Certificates are PEM. */
export interface CalloutTls {
  readonly version: string;
  readonly cipher: string;
  readonly certificates: readonly string[];
  readonly chains: readonly (readonly string[])[];
}

export interface CalloutQuestion {
  /** Whom it is for: the issuer of the answer, or the account. */
  readonly subject: string;
  /** The public user nkey that the answer has to name. */
  readonly userNkey: string;
  readonly server: CalloutServer;
  readonly client: CalloutClient;
  readonly connect: CalloutConnect;
  readonly tls: CalloutTls | undefined;
}

/** @param times seconds since 1970 */
export function encodeQuestion(
  question: CalloutQuestion,
  times: { readonly issuedAt: number; readonly expires: number },
  key: KeyObject,
): string {
  const { subject, userNkey, server, client, connect, tls } = question;
  const nats = {
    server_id: said({ ...server, tags: server.tags }, ["name", "host", "id"]),
    user_nkey: userNkey,
    client_info: said({
      host: client.host,
      id: client.id,
      user: client.user,
      name: client.name,
      tags: client.tags,
      name_tag: client.nameTag,
      kind: client.kind,
      type: client.type,
      mqtt_id: client.mqttId,
      nonce: client.nonce,
    }),
    connect_opts: said(
      {
        jwt: connect.jwt,
        nkey: connect.nkey,
        sig: connect.sig,
        auth_token: connect.authToken,
        user: connect.user,
        pass: connect.pass,
        name: connect.name,
        lang: connect.lang,
        version: connect.version,
        protocol: connect.protocol,
      },
      ["protocol"],
    ),
    client_tls:
      tls && said({ version: tls.version, cipher: tls.cipher, certs: tls.certificates, verified_chains: tls.chains }),
  };
  const claims = { subject, audience: AUDIENCE, ...times, nats };
  return encodeJwt(claims, "authorization_request", server.id, key);
}

export interface CalloutAnswer {
  readonly issuer: string;
  readonly issuerAccount: string;
  /** The user JWT. */
  readonly jwt: string;
}

/** Why a callout does not let somebody in. */
export class CalloutError extends Error {
  override readonly name = "CalloutError";
  readonly code = "CALLOUT";
}

/**
 * The answer of a service.
 * @throws {CalloutError | JwtError} it is not for this question, not well formed, or says no
 */
export function decodeAnswer(token: string, userNkey: string, serverId: string, nowSeconds: number): CalloutAnswer {
  const claims = decodeJwt(token, "authorization_response");
  const [jwt, error] = [text(claims.nats, "jwt"), text(claims.nats, "error")];
  const invalid = (reason: string): CalloutError =>
    new CalloutError(`authorization response had validation errors: ${reason}`);
  if (!isPublicNkey(claims.subject, "user")) throw invalid("Subject must be a user public key");
  if (!isPublicNkey(claims.audience, "server")) throw invalid("Audience must be a server public key");
  if (error === "" && jwt === "") throw invalid("Error or Jwt is required");
  if (error !== "" && jwt !== "") throw invalid("Only Error or Jwt can be set");
  const fault = timeFault(claims, nowSeconds);
  if (fault !== undefined) throw invalid(fault);
  const violation = (what: string): CalloutError =>
    new CalloutError(`auth callout violation: auth callout response is not for ${what}`);
  if (claims.subject !== userNkey) throw violation("expected user");
  if (claims.audience !== serverId) throw violation("server");
  if (error !== "") throw new CalloutError(`auth callout service returned an error: ${error}`);
  return { issuer: claims.issuer, issuerAccount: text(claims.nats, "issuer_account"), jwt };
}

// Without what is empty, apart from the keys that always stand.
function said(fields: Readonly<Record<string, unknown>>, always: readonly string[] = []): object {
  const isEmpty = (value: unknown): boolean =>
    value === undefined || value === "" || value === 0 || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([key, value]) => always.includes(key) || !isEmpty(value)));
}
