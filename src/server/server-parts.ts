// What a server is put together from, besides its options.
import type { Authenticate } from "../auth/application-login.js";
import type { Logger } from "../runtime/logger.js";
import type { Runtime } from "../runtime/runtime.js";
import type { IdAllocator } from "./clients/listener.js";

export interface ServerParts {
  readonly runtime: Runtime;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Default: counts from 1. */
  readonly ids?: IdAllocator;
  /** Decides on logins where the options have no users. */
  readonly authenticate?: Authenticate;
}
