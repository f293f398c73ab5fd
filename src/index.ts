// The library: a NATS server inside a Node application. docs/ has guides; every option stands in the options table.

export type { Authenticate, ConnectingClient, LoginGrant } from "./auth/application-login.js";
export { ConfigError, type ConfigIssue, type ConfigWarning } from "./config/decode-errors.js";
export { ConfigSyntaxError, type ConfigSyntaxErrorCode } from "./config/errors.js";
export { ConfigFileError } from "./config/load.js";
export type { Position } from "./config/syntax.js";
export type { ClosestOptions, ServerDistance } from "./gateways/closest-servers.js";
export { closestServers } from "./library/closest-servers.js";
export type {
  ClientFacts,
  ClosedEvent,
  DisconnectEvent,
  EventListener,
  EventName,
  LameDuckEvent,
  NatsServerEvents,
  ReadyEvent,
} from "./library/events.js";
export { type InProcessOptions, NatsCoreError } from "./library/in-process.js";
export type { ApplicationLogger } from "./library/logger.js";
export type { Address, CloseOptions, NatsServer } from "./library/nats-server.js";
export type { ReloadOptions, StartOptions } from "./library/settings.js";
export { startServer } from "./library/start-server.js";
export type { OptionChange } from "./options/diff.js";
export { OptionsError, type OptionsErrorCode } from "./options/errors.js";
export type { AccountOptions, PermissionsOptions, ServerOptions, UserOptions } from "./options/options.js";
export { type JsonSchema, optionsSchema } from "./options/schema.js";
/** The version of nats-server that this one stands in for, and its own. */
export { COMPATIBILITY_VERSION, NATSNODE_VERSION } from "./protocol/version.js";
export type { Runtime } from "./runtime/runtime.js";
export type { ServerStatus } from "./server/status.js";
