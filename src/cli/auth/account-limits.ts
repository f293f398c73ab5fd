// What an account may use and say about itself, from options to claims: limits, JetStream, default permissions, tags.
import type { JsonObject } from "../../auth/jwt/jwt.js";
import { type Call, CommandError, type CommandOptions } from "../subcommand.js";
import { PERMISSION_OPTIONS, setFlag, setList, setNumber, withPermissions } from "./grants.js";
import { countOf, sizeOf, subjectOf, UNLIMITED, wrongValue, yesNoOf } from "./values.js";

const COUNTS = {
  "max-connections": { key: "conn", help: "Client connections" },
  "max-leafnodes": { key: "leaf", help: "Leaf node connections" },
  "max-subscriptions": { key: "subs", help: "Subscriptions" },
  "max-imports": { key: "imports", help: "Imports" },
  "max-exports": { key: "exports", help: "Exports" },
} as const;
const JETSTREAM_COUNTS = {
  "js-streams": { key: "streams", help: "JetStream: streams" },
  "js-consumers": { key: "consumer", help: "JetStream: consumers" },
  "js-max-ack-pending": { key: "max_ack_pending", help: "JetStream: most unacknowledged messages of a consumer" },
} as const;
const JETSTREAM_SIZES = {
  "js-memory": { key: "mem_storage", help: "JetStream: memory" },
  "js-disk": { key: "disk_storage", help: "JetStream: disk" },
  "js-max-memory-stream": { key: "mem_max_stream_bytes", help: "JetStream: memory of one stream" },
  "js-max-disk-stream": { key: "disk_max_stream_bytes", help: "JetStream: disk of one stream" },
} as const;

export const ACCOUNT_OPTIONS: CommandOptions = {
  ...optionsOf(COUNTS, "COUNT"),
  "max-payload": { value: "SIZE", help: "Bytes of one message" },
  "wildcard-exports": { value: "yes|no", help: "Exports may have wildcards (yes where not said)" },
  "bearer-users": { value: "yes|no", help: "Users may log in by their JWT alone (yes where not said)" },
  ...optionsOf(JETSTREAM_SIZES, "SIZE"),
  ...optionsOf(JETSTREAM_COUNTS, "COUNT"),
  "js-max-bytes-required": { value: "yes|no", help: "JetStream: streams must limit their bytes" },
  "js-tier": { value: "R1|R3", help: "The --js options hold for streams with this many replicas only" },
  ...Object.fromEntries(
    Object.entries(PERMISSION_OPTIONS).map(([name, option]) => [
      name,
      {
        ...option,
        help: `Users with no permissions of their own: ${option.help[0].toLowerCase()}${option.help.slice(1)}`,
      },
    ]),
  ),
  "trace-destination": { value: "SUBJECT", help: "Where traces of messages with a traceparent go" },
  tag: { value: "TAG", many: true, help: "A tag, such as team:orders" },
  description: { value: "TEXT", help: "What it is for" },
};

/** Claims of a new account: no limits but those of JetStream, which is off. */
export const NEW_ACCOUNT: JsonObject = {
  limits: {
    subs: UNLIMITED,
    data: UNLIMITED,
    payload: UNLIMITED,
    imports: UNLIMITED,
    exports: UNLIMITED,
    wildcards: true,
    conn: UNLIMITED,
    leaf: UNLIMITED,
  },
};

/**
 * The claims `from`, changed by the options that were given.
 * @throws {CommandError} COMMAND_INVALID
 */
export function withAccountOptions(from: JsonObject, call: Call): JsonObject {
  const nats: Record<string, unknown> = { ...from };
  const limits: Record<string, unknown> = { ...(nats.limits as object | undefined) };
  for (const [option, { key }] of Object.entries(COUNTS)) setNumber(limits, key, call, option, countOf);
  setNumber(limits, "payload", call, "max-payload", sizeOf);
  const wildcards = call.text("wildcard-exports");
  if (wildcards !== undefined) limits.wildcards = yesNoOf("wildcard-exports", wildcards);
  const bearer = call.text("bearer-users");
  if (bearer !== undefined) limits.disallow_bearer = !yesNoOf("bearer-users", bearer) || undefined;
  nats.limits = withJetStream(limits, call);
  nats.default_permissions = withPermissions((nats.default_permissions ?? {}) as JsonObject, call);
  const destination = call.text("trace-destination");
  if (destination !== undefined) {
    nats.trace = destination === "" ? undefined : { dest: subjectOf("trace-destination", destination) };
  }
  setList(nats, "tags", call, "tag", (tag) => tag.toLowerCase());
  const description = call.text("description");
  if (description !== undefined) nats.description = description || undefined;
  return nats;
}

/** JetStream is on where memory or disk is not 0; the other limits are none where not said. */
function withJetStream(limits: Record<string, unknown>, call: Call): JsonObject {
  const given: Record<string, unknown> = {};
  for (const [option, { key }] of Object.entries(JETSTREAM_SIZES)) setNumber(given, key, call, option, sizeOf);
  for (const [option, { key }] of Object.entries(JETSTREAM_COUNTS)) setNumber(given, key, call, option, countOf);
  setFlag(given, "max_bytes_required", call, "js-max-bytes-required");
  const tier = call.text("js-tier");
  if (tier !== undefined && !/^R[1-9]\d*$/.test(tier))
    throw wrongValue("js-tier", tier, "it must be R1, R3 or the like");
  if (Object.keys(given).length === 0) return limits;
  const isTiered = Object.keys((limits.tiered_limits ?? {}) as object).length > 0;
  const isFlat = [...Object.values(JETSTREAM_SIZES), ...Object.values(JETSTREAM_COUNTS)].some(({ key }) => limits[key]);
  if (tier === undefined ? isTiered : isFlat) {
    throw new CommandError("COMMAND_INVALID", "JetStream limits are either for all streams or by --js-tier, not both");
  }
  const none = { streams: UNLIMITED, consumer: UNLIMITED };
  if (tier === undefined) return { ...limits, ...(isFlat ? undefined : none), ...given };
  const tiers = (limits.tiered_limits ?? {}) as Record<string, object>;
  return { ...limits, tiered_limits: { ...tiers, [tier]: { ...none, ...tiers[tier], ...given } } };
}

function optionsOf(
  entries: Readonly<Record<string, { readonly help: string }>>,
  value: "COUNT" | "SIZE",
): CommandOptions {
  return Object.fromEntries(
    Object.entries(entries).map(([name, { help }]) => [name, { value, help: `${help}; "unlimited" for no limit` }]),
  );
}
