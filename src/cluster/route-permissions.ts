// What may cross the routes of a cluster: messages of the subjects that this server imports come in, interest in those that
// it exports is taken from others (https://docs.nats.io/running-a-nats-service/configuration/clustering/cluster_config).
import { Permissions } from "../auth/permissions.js";
import type { ResolvedPermissions } from "../options/options.js";

export class RoutePermissions {
  readonly #permissions: Permissions | undefined;

  /** @throws {OptionsError} OPTIONS_VALUE for a malformed entry */
  constructor(options: ResolvedPermissions | undefined) {
    this.#permissions = Permissions.of(options, "cluster.permissions");
  }

  mayImport(subject: string): boolean {
    return this.#permissions === undefined || this.#permissions.canPublish(subject);
  }

  mayExport(subject: string): boolean {
    return this.#permissions === undefined || this.#permissions.canSubscribe(subject, undefined);
  }
}
