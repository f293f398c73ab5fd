// A simulated host as the network knows it: its address, what listens there, and its free ports.
import type { HttpRequest, HttpResponse, Transport } from "../network.js";
import type { HostClock } from "./clock.js";

const FIRST_FREE_PORT = 40_000;

export interface Service {
  address: string;
  port: number;
  accept?: (transport: Transport) => void;
  handle?: (request: HttpRequest) => Promise<HttpResponse>;
}

/** A host as the network knows it. */
export interface Station {
  readonly name: string;
  readonly address: string;
  readonly clock: HostClock;
  services: Service[];
  up: boolean;
  life: number;
  nextPort: number;
}

export function stationOf(name: string, address: string, clock: HostClock): Station {
  return { name, address, clock, services: [], up: true, life: 0, nextPort: FIRST_FREE_PORT };
}

/** A port that nothing listens on, another one each time. */
export function freePort(station: Station): number {
  while (station.services.some((service) => service.port === station.nextPort)) station.nextPort++;
  return station.nextPort++;
}

/** Whether it stands for all addresses of a host. */
export function isAny(address: string): boolean {
  return address === "0.0.0.0" || address === "::" || address === "";
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
