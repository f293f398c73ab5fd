// Features that `feature_flags` turns on or off, with their defaults; what this server does not know is not shown.
import type { ResolvedOptions } from "../options/options.js";

const DEFAULTS: Readonly<Record<string, boolean>> = {
  js_ack_fc_v2: false,
  js_api_reply_v2: false,
  js_raft_delete_range: true,
  js_snapshot_sources: false,
};

/** All known features, sorted by name. */
export function featureFlags(configured: ResolvedOptions["featureFlags"]): Record<string, boolean> {
  return Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, byDefault]) => [
      name,
      Object.hasOwn(configured, name) ? configured[name] : byDefault,
    ]),
  );
}
