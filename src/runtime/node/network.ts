// The real network: TCP and HTTP of their own files, and what the machine is called.
import { hostname, networkInterfaces } from "node:os";
import type { HttpRequest, HttpResponse, Listener, ListenOptions, Network, Transport } from "../network.js";
import { listenHttp } from "./http.js";
import { dialTcp, listenTcp } from "./tcp.js";

export class NodeNetwork implements Network {
  listen(options: ListenOptions, onConnection: (transport: Transport) => void): Promise<Listener> {
    return listenTcp(options, onConnection);
  }

  dial(options: { host: string; port: number; timeoutMs: number }): Promise<Transport> {
    return dialTcp(options);
  }

  listenHttp(options: ListenOptions, handle: (request: HttpRequest) => Promise<HttpResponse>): Promise<Listener> {
    return listenHttp(options, handle);
  }

  interfaceAddresses(): string[] {
    const addresses: string[] = [];
    for (const entries of Object.values(networkInterfaces())) {
      for (const entry of entries ?? []) if (!entry.internal) addresses.push(entry.address);
    }
    return addresses;
  }

  hostname(): string {
    return hostname();
  }
}
