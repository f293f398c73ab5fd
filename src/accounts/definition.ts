// Accounts that are not in the options but defined while the server runs, by their JWTs. What is wrong in one of them is
// left out and told; the rest of it holds.
import type { ResolvedAccount, ResolvedOptions } from "../options/options.js";
import type { SubjectMappings } from "../subjects/mapping.js";
import { subjectsOverlap } from "../subjects/validity.js";
import type { Account, AccountLimits, AccountTrace } from "./account.js";
import type { Approval, ServiceExport, StreamExport } from "./exports.js";
import { type Exports, type PlannedImports, planExports, planImport, planMappings } from "./plan.js";
import { latencyFault } from "./service-latency.js";

type ExportOption = ResolvedAccount["exports"][number];

export interface AccountDefinition {
  readonly limits: AccountLimits;
  readonly mappings: ResolvedOptions["mappings"];
  readonly exports: readonly (ExportOption & { readonly tokenRequired: boolean })[];
  readonly imports: readonly ImportDefinition[];
  readonly msgTrace?: AccountTrace;
}

export interface ImportDefinition {
  readonly imported: ResolvedAccount["imports"][number];
  /** Whether the importer holds a token for this export. Asked anew whenever exporter or importer change. */
  readonly isActivated: (approval: Approval) => boolean;
}

const NO_NAMES: ReadonlySet<string> = new Set();

/** The exports that make sense; `refuse` hears of the others. */
export function definedExports(definition: AccountDefinition, refuse: (error: Error) => void): Exports {
  const streamExports: StreamExport[] = [];
  const serviceExports: ServiceExport[] = [];
  for (const { tokenRequired, ...exported } of definition.exports) {
    attempt(refuse, () => {
      exported.latency = measurable(exported, definition, refuse);
      const one = planExports({ exports: [exported] }, "jwt", NO_NAMES, true);
      streamExports.push(...one.streamExports.map((stream) => ({ ...stream, tokenRequired })));
      serviceExports.push(...one.serviceExports.map((service) => ({ ...service, tokenRequired })));
    });
  }
  return { streamExports, serviceExports };
}

// A service that cannot be measured is offered all the same.
function measurable(
  { latency, responseType }: ExportOption,
  { exports }: AccountDefinition,
  refuse: (error: Error) => void,
): ExportOption["latency"] {
  if (latency === undefined) return undefined;
  const others = exports.map(({ service }) => service);
  const fault = latencyFault({ subject: latency.subject ?? "", sampling: latency.sampling }, responseType, others);
  if (fault !== undefined) refuse(new Error(`Error adding service latency sampling: ${fault}`));
  return fault === undefined ? latency : undefined;
}

/** The mappings that make sense; undefined when there are none. */
export function definedMappings(
  { mappings }: AccountDefinition,
  clusterName: string | undefined,
  refuse: (error: Error) => void,
): SubjectMappings | undefined {
  const usable: Record<string, ResolvedOptions["mappings"][string]> = {};
  for (const [source, destinations] of Object.entries(mappings)) {
    attempt(refuse, () => {
      planMappings({ [source]: destinations }, "jwt", clusterName);
      usable[source] = destinations;
    });
  }
  return planMappings(usable, "jwt", clusterName);
}

/** The imports of an account that are allowed now and do not lead back to it; `refuse` hears of the others. */
export function definedImports(
  importer: Account,
  definition: AccountDefinition,
  find: (name: string) => Account | undefined,
  refuse: (error: Error) => void,
): PlannedImports {
  const planned: PlannedImports = { streamImports: [], serviceImports: [] };
  for (const { imported, isActivated } of definition.imports) {
    attempt(refuse, () => {
      const one: PlannedImports = {
        streamImports: [...planned.streamImports],
        serviceImports: [...planned.serviceImports],
      };
      planImport(importer.name, imported, "jwt", find, one, isActivated);
      const stream = one.streamImports[planned.streamImports.length];
      const service = one.serviceImports[planned.serviceImports.length];
      if (leadsBack(importer, stream ?? service, stream === undefined ? "serviceImports" : "streamImports", find)) {
        throw new Error(`import of "${(stream ?? service).remote}" forms a cycle`);
      }
      if (stream !== undefined) planned.streamImports.push(stream);
      if (service !== undefined) planned.serviceImports.push(service);
    });
  }
  return planned;
}

function attempt(refuse: (error: Error) => void, run: () => void): void {
  try {
    run();
  } catch (error) {
    refuse(error as Error);
  }
}

// Follows the linked imports of the exporter, and so on, that cover some of the subject.
function leadsBack(
  importer: Account,
  start: { readonly exporter: string; readonly remote: string; readonly local: string },
  kind: "streamImports" | "serviceImports",
  find: (name: string) => Account | undefined,
): boolean {
  const seen = new Set<object>();
  const follow = (account: Account | undefined, subject: string): boolean => {
    if (account === importer) return subjectsOverlap(subject, start.local);
    for (const next of account?.[kind] ?? []) {
      const { from, to } = next.renaming;
      const [local, remote] = kind === "streamImports" ? [to, from] : [from, to];
      if (seen.has(next) || !subjectsOverlap(local, subject)) continue;
      seen.add(next);
      if (follow(next.exporter, remote)) return true;
    }
    return false;
  };
  return follow(find(start.exporter), start.remote);
}
