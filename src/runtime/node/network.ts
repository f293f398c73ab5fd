// The real network: TCP, TLS and HTTP of their own files, and what the machine is called.
import { hostname, networkInterfaces } from "node:os";
import type {
  FetchOptions,
  HttpRequest,
  HttpResponse,
  HttpText,
  Listener,
  ListenHttpOptions,
  ListenOptions,
  Network,
  Transport,
} from "../network.js";
import type { TlsContext, TlsSettings } from "../tls.js";
import { listenHttp } from "./http.js";
import { fetchText } from "./http-client.js";
import { dialTcp, listenTcp } from "./tcp.js";
import { NodeTlsContext } from "./tls.js";

export class NodeNetwork implements Network {
  listen(options: ListenOptions, onConnection: (transport: Transport) => void): Promise<Listener> {
    return listenTcp(options, onConnection);
  }

  dial(options: { host: string; port: number; timeoutMs: number }): Promise<Transport> {
    return dialTcp(options);
  }

  listenHttp(options: ListenHttpOptions, handle: (request: HttpRequest) => Promise<HttpResponse>): Promise<Listener> {
    return listenHttp(options, handle);
  }

  fetchText(url: string, options: FetchOptions): Promise<HttpText> {
    return fetchText(url, options);
  }

  tlsContext(settings: TlsSettings): TlsContext {
    return new NodeTlsContext(settings);
  }

  interfaceAddresses({ loopback }: { readonly loopback: boolean } = { loopback: false }): string[] {
    const addresses: string[] = [];
    for (const entries of Object.values(networkInterfaces())) {
      for (const entry of entries ?? []) if (loopback || !entry.internal) addresses.push(entry.address);
    }
    return addresses;
  }

  hostname(): string {
    return hostname();
  }
}
