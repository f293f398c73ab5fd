// HTTP requests on Node: small answers, bounded in size and time.
import http from "node:http";
import https from "node:https";
import type { HttpText } from "../network.js";

/** GET; redirects are not followed. Rejects with the platform's error, when it takes too long or the body is too large. */
export function fetchText(url: string, limits: { timeoutMs: number; maxBodyBytes: number }): Promise<HttpText> {
  const { timeoutMs, maxBodyBytes } = limits;
  return new Promise((resolve, reject) => {
    const { protocol } = new URL(url);
    if (protocol !== "http:" && protocol !== "https:") {
      throw new TypeError(`unsupported protocol scheme "${protocol.slice(0, -1)}"`);
    }
    const request = (protocol === "https:" ? https : http).get(url, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBodyBytes) response.destroy(new RangeError(`body is longer than ${maxBodyBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, statusText: response.statusMessage ?? "", body });
      });
      response.on("close", () => {
        if (!response.complete) reject(new Error("unexpected EOF"));
      });
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    request.on("error", reject);
    request.on("close", () => clearTimeout(timer));
  });
}
