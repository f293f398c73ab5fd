// What a client has counted and its account has counted with it.
import type { Account } from "../../accounts/account.js";
import type { Connection } from "../connection.js";

export class SettledStats {
  private inMsgs = 0;
  private inBytes = 0;
  private outMsgs = 0;
  private outBytes = 0;

  /** Adds to the account's totals what the connection has counted since the last call; without an account it counts for none. */
  settle({ inMsgs, inBytes, outMsgs, outBytes }: Connection, account: Account | undefined): void {
    if (account !== undefined) {
      account.stats.inMsgs += inMsgs - this.inMsgs;
      account.stats.inBytes += inBytes - this.inBytes;
      account.stats.outMsgs += outMsgs - this.outMsgs;
      account.stats.outBytes += outBytes - this.outBytes;
    }
    this.inMsgs = inMsgs;
    this.inBytes = inBytes;
    this.outMsgs = outMsgs;
    this.outBytes = outBytes;
  }
}
