// Connections as the rest of the house sees them: bytes in, bytes out, close. TCP here; other transports implement the
// same interface (in-process pipes, any duplex stream, the simulated network, later TLS and WebSocket).

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
  /** Sends what is queued, then closes in both directions. */
  end(): void;
  /** Closes at once; what is queued may be lost. */
  destroy(): void;
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

export interface Network {
  /** Listens for TCP connections. Rejects with the platform's error (code EADDRINUSE, EACCES, ...). */
  listen(options: ListenOptions, onConnection: (transport: Transport) => void): Promise<Listener>;
  /** Opens a TCP connection. Rejects with the platform's error or after `timeoutMs`. */
  dial(options: { host: string; port: number; timeoutMs: number }): Promise<Transport>;
  /** Serves HTTP. A handler that rejects is answered with 500. */
  listenHttp(options: ListenOptions, handle: (request: HttpRequest) => Promise<HttpResponse>): Promise<Listener>;
  /** Addresses of this machine's interfaces, loopback left out. */
  interfaceAddresses(): string[];
  hostname(): string;
}
