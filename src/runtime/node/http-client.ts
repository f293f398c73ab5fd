// HTTP requests on Node: small answers, bounded in size and time.
import http from "node:http";
import https from "node:https";
import type { FetchOptions, HttpText } from "../network.js";
import { NodeTlsContext } from "./tls.js";

/** GET; redirects are not followed. Rejects with the platform's error, when it takes too long or the body is too large. */
export function fetchText(url: string, options: FetchOptions): Promise<HttpText> {
  const { timeoutMs, maxBodyBytes, tls } = options;
  return new Promise((resolve, reject) => {
    const { protocol } = new URL(url);
    if (protocol !== "http:" && protocol !== "https:") {
      throw new TypeError(`unsupported protocol scheme "${protocol.slice(0, -1)}"`);
    }
    const receive = (response: http.IncomingMessage): void => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBodyBytes) response.destroy(new RangeError(`body is longer than ${maxBodyBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        const body = bytes.toString("utf8");
        resolve({ status: response.statusCode ?? 0, statusText: response.statusMessage ?? "", body, bytes });
      });
      response.on("close", () => {
        if (!response.complete) reject(new Error("unexpected EOF"));
      });
    };
    const request = protocol === "https:" ? https.get(url, secureOptions(tls), receive) : http.get(url, receive);
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    request.on("error", reject);
    request.on("close", () => clearTimeout(timer));
  });
}

function secureOptions(tls: FetchOptions["tls"]): https.RequestOptions {
  if (tls === undefined) return {};
  const { context, insecure } = tls;
  if (!(context instanceof NodeTlsContext)) throw new TypeError("a TLS context of another network");
  // Connections that are kept would outlive the certificates.
  return { ...context.clientOptions, rejectUnauthorized: !insecure, agent: false };
}
