// INFO for a client: the greeting, once more after its login, and whenever something of it changes.
import { infoLine } from "../../protocol/info.js";
import type { ClientConnection } from "./client.js";

export class ClientInfo {
  private readonly client: ClientConnection;
  // What it learns of its account follows the answer to its first PING.
  private secondDue = false;
  private pingedAfterConnect = false;

  constructor(client: ClientConnection) {
    this.client = client;
  }

  greet(): void {
    const { client } = this;
    client.send(infoLine(client.hub.infoFor(client), true));
  }

  /** The client is let in. */
  welcome(): void {
    this.secondDue = this.client.connect.protocol >= 1 && !this.pingedAfterConnect;
  }

  /** The client has sent PING, and was answered. */
  pinged(): void {
    const { client } = this;
    this.pingedAfterConnect ||= client.connected;
    if (!this.secondDue) return;
    this.secondDue = false;
    client.send(infoLine(client.hub.accountInfoFor(client), false));
  }

  /** Sends INFO again, with what has changed; only to clients that understand it, and not before they have sent their first PING. */
  tell(): void {
    const { client } = this;
    if (this.mayTell) client.send(infoLine(client.hub.infoFor(client), false));
  }

  /** Tells it to connect elsewhere. Returns false if it does not understand that, or has not sent its first PING yet. */
  tellLameDuck(): boolean {
    const { client, mayTell } = this;
    if (mayTell) client.send(infoLine({ ...client.hub.infoFor(client), ldm: true }, false));
    return mayTell;
  }

  private get mayTell(): boolean {
    const { connected, connect } = this.client;
    return connected && connect.protocol >= 1 && !this.secondDue;
  }
}
