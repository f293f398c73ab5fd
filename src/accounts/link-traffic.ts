// Messages of an account that have crossed links to other servers, by the kind of link.

export class Traffic {
  inMsgs = 0;
  inBytes = 0;
  outMsgs = 0;
  outBytes = 0;

  /** A message of so many bytes has come in. */
  came(bytes: number): void {
    this.inMsgs++;
    this.inBytes += bytes;
  }

  /** One has gone out. */
  went(bytes: number): void {
    this.outMsgs++;
    this.outBytes += bytes;
  }
}

export class LinkTraffic {
  readonly routes = new Traffic();
  readonly gateways = new Traffic();
  readonly leafs = new Traffic();
}
