// HTTP and HTTPS on Node, for the monitoring endpoints: small bodiless requests, bounded in size and time.
import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { HttpRequest, HttpResponse, Listener, ListenHttpOptions } from "../network.js";
import type { TlsContext } from "../tls.js";
import { NodeTlsContext } from "./tls.js";

const MAX_HEADER_BYTES = 64 * 1024;
const HANDSHAKE_TIMEOUT_MS = 5_000;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Scrapers come every 15 to 60 seconds and like to find their connection open. */
const KEEP_ALIVE_MS = 120_000;
/** A client that neither reads its answer nor asks anew; longer than any handler takes. */
const STALLED_MS = 180_000;
const CHECK_PERIOD_MS = 1_000;

/** Serves HTTP or HTTPS; rejects with the platform's error. A handler that rejects is answered with 500. */
export function listenHttp(
  options: ListenHttpOptions,
  handle: (request: HttpRequest) => Promise<HttpResponse>,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const requestsUnderWay = new Map<Socket, number>();
    let closing = false;

    const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
      const result = await answerOrFailure(handle, plainRequest(request));
      if (response.destroyed) return;
      const body = typeof result.body === "string" ? Buffer.from(result.body) : (result.body ?? Buffer.alloc(0));
      if (closing) response.shouldKeepAlive = false;
      // In HTTP/1.1 a connection that stays open goes without saying.
      else if (response.shouldKeepAlive && request.httpVersion === "1.1") response.removeHeader("Connection");
      response.writeHead(result.status, { ...result.headers, "Content-Length": body.length });
      response.end(body);
    };

    const server = http.createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: CHECK_PERIOD_MS,
      noDelay: true,
    });
    server.timeout = STALLED_MS;
    // Node's close() takes a connection for idle whose answer is still on its way; close() below knows better.
    server.closeIdleConnections = () => {};
    const serve = server.listeners("connection")[0] as (this: http.Server, socket: Socket) => void;
    server.removeAllListeners("connection");
    const admit = (socket: Socket): void => {
      track(socket);
      serve.call(server, socket);
    };
    const track = (socket: Socket): void => {
      requestsUnderWay.set(socket, 0);
      socket.once("close", () => requestsUnderWay.delete(socket));
    };
    const { tls } = options;
    if (tls === undefined) server.on("connection", admit);
    else {
      server.on("connection", (socket) => {
        track(socket);
        const secured = secure(socket, tls);
        secured.then(
          (inner) => {
            requestsUnderWay.delete(socket);
            admit(inner);
          },
          () => socket.destroy(),
        );
      });
    }
    server.on("request", (request, response) => {
      const { socket } = request;
      requestsUnderWay.set(socket, (requestsUnderWay.get(socket) ?? 0) + 1);
      response.once("close", () => {
        const left = (requestsUnderWay.get(socket) ?? 1) - 1;
        if (!socket.destroyed) requestsUnderWay.set(socket, left);
        if (closing && left === 0) socket.destroySoon();
      });
      void answer(request, response).catch(() => socket.destroy());
    });
    server.on("clientError", refuse);
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port }, () => {
      server.removeListener("error", reject);
      server.on("error", () => {});
      const { address, port } = server.address() as AddressInfo;
      resolve({
        host: address,
        port,
        close: () =>
          new Promise<void>((closed) => {
            closing = true;
            server.close();
            for (const [socket, count] of requestsUnderWay) if (count === 0) socket.destroy();
            setImmediate(closed);
          }),
      });
    });
  });
}

async function secure(socket: Socket, tls: () => TlsContext): Promise<Socket> {
  const context = tls();
  if (!(context instanceof NodeTlsContext)) throw new TypeError("a TLS context of another network");
  const timer = setTimeout(() => socket.destroy(), HANDSHAKE_TIMEOUT_MS);
  try {
    return await context.accept(socket);
  } finally {
    clearTimeout(timer);
  }
}

async function answerOrFailure(
  handle: (request: HttpRequest) => Promise<HttpResponse>,
  request: HttpRequest,
): Promise<HttpResponse> {
  try {
    return await handle(request);
  } catch {
    return {
      status: 500,
      headers: { "Content-Type": "text/plain; charset=utf-8" },
      body: "Internal Server Error\n",
    };
  }
}

function plainRequest(request: http.IncomingMessage): HttpRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  const remoteAddress = request.socket.remoteAddress ?? "";
  return {
    method: request.method ?? "GET",
    url: request.url ?? "/",
    headers,
    remoteAddress: remoteAddress.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress,
  };
}

const refusals: Record<string, string> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = refusals[error.code ?? ""] ?? "400 Bad Request";
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`,
    () => socket.destroy(),
  );
}
