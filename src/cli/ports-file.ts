// The ports file (FOLDER/EXECUTABLE_PID.ports): where a server listens, for those who let it pick its ports.
import type { Disk } from "../runtime/disk.js";
import type { Logger } from "../runtime/logger.js";
import { inWords } from "./system-errors.js";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Where a server listens; what it does not listen on is absent. */
export interface ListenAddresses {
  readonly client?: ListenAddress;
  readonly monitoring?: ListenAddress;
  readonly cluster?: ListenAddress;
  readonly profiling?: ListenAddress;
  readonly websocket?: ListenAddress;
}

export interface Encryption {
  readonly client: boolean;
  readonly monitoring: boolean;
  readonly cluster: boolean;
  readonly websocket: boolean;
}

/**
 * The content of a ports file.
 * @param interfaces addresses of this machine that a wildcard address stands for
 */
export function portsFileText(addresses: ListenAddresses, tls: Encryption, interfaces: readonly string[]): string {
  const urls = (scheme: string, at: ListenAddress | undefined): string[] | undefined => {
    if (at === undefined) return undefined;
    const anyAddress = at.host === "" || at.host === "0.0.0.0" || at.host === "::";
    const hosts = anyAddress && interfaces.length > 0 ? interfaces : [at.host];
    return hosts.map((host) => `${scheme}://${host.includes(":") ? `[${host}]` : host}:${at.port}`);
  };
  return JSON.stringify({
    nats: urls(tls.client ? "tls" : "nats", addresses.client),
    monitoring: urls(tls.monitoring ? "https" : "http", addresses.monitoring),
    cluster: urls(tls.cluster ? "tls" : "nats", addresses.cluster),
    profile: urls("http", addresses.profiling),
    websocket: urls(tls.websocket ? "wss" : "ws", addresses.websocket),
  });
}

/** Where the file of a process goes in `folder`. */
export function portsFilePath(folder: string, programName: string, pid: number): string {
  return `${folder.replace(/\/+$/, "")}/${programName}_${pid}.ports`;
}

/** The file on disk; a folder that cannot be written is reported and does no harm. */
export class PortsFile {
  readonly #disk: Disk;
  readonly #logger: Logger;
  #path: string | undefined;

  constructor(disk: Disk, logger: Logger) {
    this.#disk = disk;
    this.#logger = logger;
  }

  /** Writes the file, or removes it when there is no path; a file in an earlier place goes away. */
  put(path: string | undefined, text: string): void {
    if (path !== this.#path) this.remove();
    if (path === undefined) return;
    try {
      this.#disk.writeSync(path, text);
      this.#path = path;
    } catch (error) {
      this.#logger.error(`Error writing ports file (${path}): open ${path}: ${inWords(error)}`);
    }
  }

  remove(): void {
    const path = this.#path;
    if (path === undefined) return;
    this.#path = undefined;
    try {
      this.#disk.removeSync(path);
    } catch (error) {
      this.#logger.error(`Error cleaning up ports file ${path}: remove ${path}: ${inWords(error)}`);
    }
  }
}
