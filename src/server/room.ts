// What the server asks of the rooms above it (monitoring, system services, later cluster, leaf nodes, JetStream, ...).
import type { ResolvedOptions } from "../options/options.js";

/** Makes prepared options take effect; must not fail. */
export type Commit = () => void | Promise<void>;

export interface Room {
  /** Called before the server listens for clients; rejecting stops the start. */
  start?(): Promise<void>;
  /** Called when the server listens for clients. */
  opened?(): void;
  /** Called when no more clients shall come, in lame duck mode: listeners for them close, those that are there stay. */
  quiesce?(): Promise<void>;
  /** Called when the server ends. */
  close?(): Promise<void>;
  /** Checks new options without taking them; throws or rejects when it cannot. */
  prepare?(old: ResolvedOptions, next: ResolvedOptions): Commit | undefined | Promise<Commit | undefined>;
  /** Where WebSocket clients reach this server, as `connect_urls` has it. */
  webSocketUrls?(): string[];
  /** Listening addresses by kind. */
  addresses?(): Record<string, { host: string; port: number }>;
}
