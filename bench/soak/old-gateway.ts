// A server of another cluster of before 2.9, played: it is sent everything at first, refuses subject by subject, and tells of
// all its interest only when it is asked to.
import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { interestCommand, OLD_INFO } from "../../test/support/scripted-gateway.js";

const HOST = "127.0.0.1";
const ACCOUNT = "$G";

export class OldGateway {
  /** Messages of subjects that it has not refused before, and bytes of all. */
  messages = 0;
  bytes = 0;
  readonly port: number;
  readonly #server: Server;
  readonly #info: string;
  #dialled: Socket | undefined;
  #inbound: Socket | undefined;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    const url = `${HOST}:${port}`;
    this.#info = `INFO ${JSON.stringify({ ...OLD_INFO, host: HOST, port, gateway_urls: [url], gateway_url: url })}\r\n`;
    server.on("connection", (socket) => this.#accepted(socket));
  }

  /** Listens at a port of 127.0.0.1. */
  static async listen(port: number): Promise<OldGateway> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(port, HOST, resolve));
    return new OldGateway(server, port);
  }

  /** Whether the server has come here. */
  get isReached(): boolean {
    return this.#inbound !== undefined;
  }

  // The connection that messages come on: each is refused.
  #accepted(socket: Socket): void {
    this.#inbound = socket;
    socket.on("error", () => {});
    socket.write(this.#info);
    onLines(socket, (line) => {
      const [verb, account, subject] = line.split(" ");
      if (verb === "PING") socket.write("PONG\r\n");
      if (verb !== "RMSG" || account !== ACCOUNT) return;
      this.messages++;
      socket.write(`RS- ${ACCOUNT} ${subject}\r\n`);
    });
    socket.on("data", (data) => {
      this.bytes += data.length;
    });
  }

  /** Tells that all its interest has been told: it has none. */
  switchToInterestOnly(): void {
    for (const command of [2, 3] as const) this.#inbound?.write(interestCommand("OLD", command, ACCOUNT));
  }

  /** Connects to the server's gateway port, to send messages; resolves when the server has told its interest. */
  async connect(port: number): Promise<void> {
    const socket = dial({ host: HOST, port, noDelay: true });
    this.#dialled = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      onLines(socket, (line) => {
        if (line === "PING") socket.write("PONG\r\n");
        if (line.startsWith("INFO ") && line.includes('"gateway_cmd":3')) resolve();
      });
      socket.write(`CONNECT ${JSON.stringify({ name: OLD_INFO.server_id, gateway: "OLD" })}\r\n${this.#info}`);
    });
  }

  /** Sends text over that connection; resolves when it was taken. */
  async send(text: string): Promise<void> {
    const socket = this.#dialled as Socket;
    await new Promise<void>((resolve, reject) => socket.write(text, (error) => (error ? reject(error) : resolve())));
  }

  close(): void {
    this.#dialled?.destroy();
    this.#inbound?.destroy();
    this.#server.close();
  }
}

// Payloads are empty or without line ends: they count as lines that nobody looks at.
function onLines(socket: Socket, hear: (line: string) => void): void {
  let rest = "";
  socket.on("data", (data) => {
    const lines = (rest + data.toString("latin1")).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) hear(line);
  });
}
