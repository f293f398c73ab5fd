// Any Node stream as a transport, and any transport as a Node stream.
import { Duplex } from "node:stream";
import { platformError } from "./errors.js";
import { Inbox } from "./inbox.js";
import type { Transport, TransportHandler } from "./network.js";

/** What a transport says about itself; taken from the stream where it is a socket, and otherwise empty, 0 and in-process. */
export type TransportInfo = Partial<
  Pick<Transport, "remoteAddress" | "remotePort" | "localAddress" | "localPort" | "inProcess">
>;

/**
 * Makes a transport of a duplex stream: a socket, a TLS or SSH channel, one side of an in-process pair. The stream is the
 * transport's from now on. Writes are copied, as a stream may hold on to what it was given.
 */
export function transportOf(duplex: Duplex, info: TransportInfo = {}): Transport {
  return new DuplexTransport(duplex, info);
}

class DuplexTransport implements Transport {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly inProcess: boolean;
  private readonly duplex: Duplex;
  private readonly inbox = new Inbox((run) => process.nextTick(run));
  private started = false;
  private drainOwed = false;
  private failure: Error | undefined;

  constructor(duplex: Duplex, info: TransportInfo) {
    const socket = duplex as Duplex & TransportInfo;
    this.duplex = duplex;
    this.remoteAddress = info.remoteAddress ?? socket.remoteAddress ?? "";
    this.remotePort = info.remotePort ?? socket.remotePort ?? 0;
    this.localAddress = info.localAddress ?? socket.localAddress ?? "";
    this.localPort = info.localPort ?? socket.localPort ?? 0;
    this.inProcess = info.inProcess ?? socket.remoteAddress === undefined;
    duplex.on("error", (error: Error) => this.fail(error));
    duplex.on("close", () => this.onStreamClose());
    duplex.on("end", () => this.inbox.end());
    if (duplex.destroyed) this.onStreamClose();
  }

  get bufferedBytes(): number {
    return this.duplex.destroyed ? 0 : this.duplex.writableLength;
  }

  start(handler: TransportHandler): void {
    this.started = true;
    this.inbox.start(handler);
    this.duplex.on("data", (chunk: Buffer | string) =>
      this.inbox.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk),
    );
  }

  write(chunks: readonly Uint8Array[]): void {
    if (!this.duplex.writable) return;
    try {
      this.duplex.write(Buffer.concat(chunks), () => this.onWritten());
    } catch (error) {
      // What a stream's own _write throws ends the stream, and is nobody else's concern.
      this.fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (this.duplex.writableLength > 0) this.drainOwed = true;
  }

  pause(): void {
    this.inbox.pause();
    this.duplex.pause();
  }

  resume(): void {
    this.inbox.resume();
    // A stream that flows without a listener loses its data.
    if (this.started) this.duplex.resume();
  }

  end(): void {
    if (this.duplex.destroyed) return;
    if (this.duplex.writableFinished) this.destroy();
    else {
      this.duplex.once("finish", () => this.destroy());
      this.duplex.end();
    }
  }

  destroy(): void {
    this.duplex.destroy();
    this.inbox.abort(this.failure);
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.duplex.destroy();
    // A stream made without autoDestroy or emitClose says nothing after its error.
    this.inbox.abort(this.failure);
  }

  private onWritten(): void {
    if (!this.drainOwed || this.duplex.destroyed || this.duplex.writableLength > 0) return;
    this.drainOwed = false;
    this.inbox.drained();
  }

  private onStreamClose(): void {
    if (this.failure === undefined) this.inbox.close();
    else this.inbox.abort(this.failure);
  }
}

/** Makes a duplex stream of a transport that was not started yet; destroying one destroys the other. */
export function duplexOf(transport: Transport): Duplex {
  return new TransportDuplex(transport);
}

type Done = (error?: Error | null) => void;

class TransportDuplex extends Duplex {
  private readonly transport: Transport;
  private writeDone: Done | undefined;
  private finalDone: Done | undefined;
  private gone = false;

  constructor(transport: Transport) {
    super();
    this.transport = transport;
    transport.start({
      onData: (chunk, start, end) => {
        if (!this.push(Buffer.from(chunk.subarray(start, end)))) transport.pause();
      },
      onDrain: () => {
        const done = this.writeDone;
        this.writeDone = undefined;
        done?.();
      },
      onEnd: () => {
        this.push(null);
      },
      onClose: (error) => this.onTransportClose(error),
    });
  }

  override _read(): void {
    this.transport.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.writeChunks([chunk], done);
  }

  override _writev(writes: { chunk: Buffer }[], done: Done): void {
    this.writeChunks(
      writes.map((write) => write.chunk),
      done,
    );
  }

  override _final(done: Done): void {
    if (this.gone) {
      done();
      return;
    }
    this.finalDone = done;
    this.transport.end();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.transport.destroy();
    done(error);
  }

  private writeChunks(chunks: Buffer[], done: Done): void {
    if (this.gone) {
      done(platformError("EPIPE", "write"));
      return;
    }
    this.transport.write(chunks);
    if (this.transport.bufferedBytes === 0) done();
    else this.writeDone = done;
  }

  private onTransportClose(error: Error | undefined): void {
    this.gone = true;
    if (error !== undefined) {
      this.destroy(error);
      return;
    }
    if (!this.readableEnded) this.push(null);
    this.writeDone?.(platformError("EPIPE", "write"));
    this.finalDone?.();
    if (!this.writableEnded) this.end();
  }
}
