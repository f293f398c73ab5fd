// TCP on Node: all connections of the process read into one shared buffer, so that an idle connection owns none and a busy
// one allocates none. A connection may go on in TLS; its bytes are decrypted into buffers of their own.
import net from "node:net";
import { takeMemory } from "../copied-memory.js";
import type { Listener, ListenOptions, Transport, TransportHandler } from "../network.js";
import { type TlsContext, TlsError, type TlsPeer, type TlsSession } from "../tls.js";
import { NodeTlsContext, sessionOf } from "./tls.js";

const READ_BUFFER_BYTES = 256 * 1024;
const NOTHING = Buffer.alloc(0);

/** Read into by whichever socket is being read; its contents are only looked at inside one callback. */
const sharedReadBuffer = takeMemory(READ_BUFFER_BYTES);

const ignore = (): void => {};

/** What a server-side socket hides: the handle that can be given to a socket with a read buffer of our choice. */
interface HandleHolder {
  _handle?: { useUserBuffer?: unknown } | null;
}

class TcpTransport implements Transport {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly inProcess = false;
  tls: TlsSession | undefined;
  private socket: net.Socket;
  private handler: TransportHandler | undefined;
  private failure: Error | undefined;
  private draining = false;
  private looked = false;

  constructor(accepted: net.Socket) {
    this.remoteAddress = plainAddress(accepted.remoteAddress ?? "");
    this.remotePort = accepted.remotePort ?? 0;
    this.localAddress = plainAddress(accepted.localAddress ?? "");
    this.localPort = accepted.localPort ?? 0;
    this.socket = accepted;
    accepted.on("error", this.onError);
  }

  get bufferedBytes(): number {
    return this.socket.writableLength;
  }

  start(handler: TransportHandler): void {
    this.handler = handler;
    const handle = (this.socket as HandleHolder)._handle;
    const plain = this.tls === undefined && !this.looked;
    if (plain && handle?.useUserBuffer !== undefined && !this.socket.destroyed) this.adopt(handle);
    else this.socket.on("data", this.onChunk);
    this.listen();
    this.socket.setNoDelay(true);
    this.socket.resume();
  }

  firstBytes(timeoutMs: number, moreThan = 0): Promise<Uint8Array | undefined> {
    const { socket } = this;
    this.looked = true;
    return new Promise((resolve) => {
      const seen: Buffer[] = [];
      let count = 0;
      const settle = (bytes: Uint8Array | undefined): void => {
        clearTimeout(timer);
        socket.removeListener("readable", look);
        socket.removeListener("close", gone);
        socket.removeListener("end", gone);
        if (bytes !== undefined && bytes.length > 0) socket.unshift(bytes);
        resolve(bytes);
      };
      const gone = (): void => settle(undefined);
      const look = (): void => {
        const bytes: Buffer | null = socket.read();
        if (bytes === null) return;
        seen.push(bytes);
        count += bytes.length;
        if (count > moreThan) settle(Buffer.concat(seen));
      };
      const timer = setTimeout(() => settle(Buffer.concat(seen)), timeoutMs);
      timer.unref();
      socket.on("readable", look);
      socket.once("close", gone);
      socket.once("end", gone);
      if (socket.destroyed || socket.readableEnded) gone();
      else if (socket.readableLength > 0) look();
    });
  }

  skipBytes(count: number): void {
    this.socket.read(count);
  }

  async secure(context: TlsContext, peer?: TlsPeer): Promise<TlsSession> {
    if (!(context instanceof NodeTlsContext)) throw new TlsError("TLS_SETTINGS", "tls: a context of another network");
    const raw = this.socket;
    // Who owns the transport hears of its end from the encrypted socket, or by the rejection.
    raw.removeListener("end", this.onEnd);
    raw.removeListener("close", this.onClose);
    const secured = peer === undefined ? await context.accept(raw) : await context.connect(raw, peer);
    secured.on("error", this.onError);
    secured.allowHalfOpen = true;
    const session = sessionOf(secured, context);
    const { admit } = context.settings;
    if (admit !== undefined) await admitted(secured, admit(session, peer === undefined ? "client" : "server"));
    this.socket = secured;
    this.tls = session;
    if (this.handler !== undefined) {
      secured.on("data", this.onChunk);
      this.listen();
    }
    return session;
  }

  write(chunks: readonly Uint8Array[]): void {
    const socket = this.socket;
    if (socket.destroyed || socket.writableEnded) return;
    if (this.tls !== undefined) {
      this.writeSecured(socket, chunks);
      return;
    }
    if (chunks.length === 1) socket.write(chunks[0]);
    else {
      socket.cork();
      for (let i = 0; i < chunks.length; i++) socket.write(chunks[i]);
      socket.uncork();
    }
    if (!this.draining && socket.writableLength > 0) {
      // An empty write is done when all before it are, whatever the stream's own high-water mark.
      this.draining = true;
      socket.write(NOTHING, this.onWritten);
    }
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(): void {
    if (this.socket.destroyed) return;
    this.socket.end(() => this.socket.destroy());
  }

  destroy(): void {
    this.socket.destroy();
  }

  // The accepted socket's handle moves into a socket that reads into the shared buffer; `net.createServer` has no option for it.
  private adopt(handle: object): void {
    const accepted = this.socket;
    const options = {
      handle,
      allowHalfOpen: true,
      onread: {
        buffer: sharedReadBuffer,
        callback: (count: number, buffer: Uint8Array): boolean => {
          this.handler?.onData(buffer as Buffer, 0, count);
          return true;
        },
      },
    };
    accepted.removeListener("error", this.onError);
    accepted.on("error", ignore);
    (accepted as HandleHolder)._handle = null;
    this.socket = new net.Socket(options as net.SocketConstructorOpts);
    this.socket.on("error", this.onError);
  }

  // Encrypted bytes are never taken at once, so the last chunk tells when they are.
  private writeSecured(socket: net.Socket, chunks: readonly Uint8Array[]): void {
    const last = chunks.length - 1;
    socket.cork();
    for (let i = 0; i < last; i++) socket.write(chunks[i]);
    socket.write(chunks[last], this.draining ? undefined : this.onWritten);
    socket.uncork();
    this.draining = true;
  }

  private listen(): void {
    this.socket.on("end", this.onEnd);
    this.socket.on("close", this.onClose);
  }

  private readonly onChunk = (chunk: Buffer): void => this.handler?.onData(chunk, 0, chunk.length);
  private readonly onEnd = (): void => this.handler?.onEnd();
  private readonly onClose = (): void => this.handler?.onClose(this.failure);
  private readonly onError = (error: Error): void => {
    this.failure ??= error;
  };

  private readonly onWritten = (error?: Error | null): void => {
    this.draining = false;
    if (error !== undefined && error !== null) return;
    if (this.socket.writableLength > 0) {
      this.draining = true;
      this.socket.write(NOTHING, this.onWritten);
    } else this.handler?.onDrain();
  };
}

async function admitted(secured: net.Socket, admission: Promise<void>): Promise<void> {
  try {
    await admission;
  } catch (error) {
    secured.destroy();
    throw error;
  }
  if (secured.destroyed) throw new TlsError("TLS_CLOSED", "EOF");
}

/** An IPv4 address that came through a dual-stack socket, as IPv4. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

/** Listens for TCP connections; rejects with the platform's error (EADDRINUSE, EACCES, ...). */
export function listenTcp(options: ListenOptions, onConnection: (transport: Transport) => void): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
    server.on("connection", (socket) => onConnection(new TcpTransport(socket)));
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port, backlog: 4096 }, () => {
      server.removeListener("error", reject);
      server.on("error", ignore);
      const { address, port } = server.address() as net.AddressInfo;
      resolve({
        host: address,
        port,
        close: () =>
          new Promise<void>((closed) => {
            // The callback of close() waits for connections too; the port itself is free after this turn.
            server.close();
            setImmediate(closed);
          }),
      });
    });
  });
}

/** Opens a TCP connection; rejects with the platform's error, or with code ETIMEDOUT after `timeoutMs`. */
export function dialTcp(options: { host: string; port: number; timeoutMs: number }): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: options.host, port: options.port, noDelay: true, allowHalfOpen: true });
    const timer = setTimeout(() => {
      socket.destroy(
        Object.assign(new Error(`dial tcp ${options.host}:${options.port}: i/o timeout`), { code: "ETIMEDOUT" }),
      );
    }, options.timeoutMs);
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      socket.pause();
      resolve(new TcpTransport(socket));
    });
  });
}
