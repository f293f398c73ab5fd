// Connections as the rest of the house sees them: bytes in, bytes out, close. TCP and TLS here; other transports implement
// the same interface (in-process pipes, any duplex stream, the simulated network, WebSocket).
import type { TlsContext, TlsPeer, TlsSession, TlsSettings } from "./tls.js";

/** What a transport tells its owner. No call is made from inside a call of the owner to the transport. */
export interface TransportHandler {
  /**
   * Bytes arrived: `chunk[start..end)`. They are only valid until this call returns; whatever is needed longer must be
   * copied (the chunk may be a buffer shared by all connections of the loop).
   */
  onData(chunk: Buffer, start: number, end: number): void;
  /** Everything written so far has been handed to the operating system (only after a write that left `bufferedBytes` above 0). */
  onDrain(): void;
  /** The other side will send no more. */
  onEnd(): void;
  /** The connection is gone; the last call. `error` holds what the platform said, if it was not an orderly close. */
  onClose(error?: Error): void;
}

export interface Transport {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** True when bytes never leave the process. */
  readonly inProcess: boolean;
  /** Takes the owner and starts reading. To be called once. */
  start(handler: TransportHandler): void;
  /** Bytes that were written and that the operating system has not taken yet. */
  readonly bufferedBytes: number;
  /**
   * Queues bytes in order. A chunk may be reused by the caller as soon as `bufferedBytes` is 0 again after the call, and
   * otherwise only after onDrain or onClose.
   */
  write(chunks: readonly Uint8Array[]): void;
  pause(): void;
  resume(): void;
  /** Says why its owner is about to end it. A transport that can tell the other side does so in `end`. */
  explain?(reason: string): void;
  /** Sends what is queued, then closes in both directions. */
  end(): void;
  /** Closes at once; what is queued may be lost. */
  destroy(): void;
  /** What the TLS handshake agreed on; undefined while bytes go in the clear. */
  readonly tls?: TlsSession;
  /**
   * Looks at what the other side says first, before `start`: resolves with the bytes that came once they are more than
   * `moreThan` (default 0), with fewer when `timeoutMs` pass before, and with undefined when the connection ends before.
   * The bytes stay to be read. Never rejects.
   */
  firstBytes?(timeoutMs: number, moreThan?: number): Promise<Uint8Array | undefined>;
  /** Takes away bytes that `firstBytes` has shown. There where that is. */
  skipBytes?(count: number): void;
  /**
   * Goes on in TLS: as the server, before `start`, or, with `peer`, as the client, at any time. Everything written before
   * goes in the clear, everything read and written after it is encrypted. Rejects with a TlsError; the connection is gone
   * then, and no `onClose` says so. A transport without this method cannot be encrypted.
   */
  secure?(context: TlsContext, peer?: TlsPeer): Promise<TlsSession>;
}

/** An open listening socket. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting; accepted connections live on. Resolves when the port is free. */
  close(): Promise<void>;
}

export interface ListenOptions {
  host: string;
  /** 0 asks for a free port. */
  port: number;
}

export interface ListenHttpOptions extends ListenOptions {
  /** Makes it HTTPS; asked for each connection, so that certificates can change while it listens. */
  tls?: () => TlsContext;
}

/** One request to an HTTP listener. Header names are lower case. */
export interface HttpRequest {
  method: string;
  /** Path and query as received. */
  url: string;
  headers: Readonly<Record<string, string | undefined>>;
  remoteAddress: string;
}

export interface HttpResponse {
  status: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** The answer to a GET. */
export interface HttpText {
  status: number;
  statusText: string;
  /** As UTF-8, and as it came. */
  body: string;
  bytes: Buffer;
}

export interface FetchOptions {
  timeoutMs: number;
  maxBodyBytes: number;
  /** For HTTPS; undefined: the platform's authorities and no certificate. `insecure` accepts every certificate. */
  tls?: { readonly context: TlsContext; readonly insecure: boolean };
}

export interface Network {
  /** Listens for TCP connections. Rejects with the platform's error (code EADDRINUSE, EACCES, ...). */
  listen(options: ListenOptions, onConnection: (transport: Transport) => void): Promise<Listener>;
  /** Opens a TCP connection. Rejects with the platform's error or after `timeoutMs`. */
  dial(options: { host: string; port: number; timeoutMs: number }): Promise<Transport>;
  /** Serves HTTP or HTTPS. A handler that rejects is answered with 500. */
  listenHttp(options: ListenHttpOptions, handle: (request: HttpRequest) => Promise<HttpResponse>): Promise<Listener>;
  /**
   * Reads the body of an HTTP or HTTPS answer to GET, as UTF-8. Rejects with the platform's error, after `timeoutMs`, for a
   * body of more than `maxBodyBytes`, and for a URL of another kind.
   */
  fetchText(url: string, options: FetchOptions): Promise<HttpText>;
  /** Makes certificates and the rest ready for handshakes. Throws a TlsError (TLS_SETTINGS) when they make no sense. */
  tlsContext(settings: TlsSettings): TlsContext;
  /** Addresses of this machine's interfaces; those of loopback only where they are asked for. */
  interfaceAddresses(which?: { readonly loopback: boolean }): string[];
  hostname(): string;
}
