// The services that the system account offers to every account without being asked for: its connections and numbers, and
// who a user is (https://docs.nats.io/running-a-nats-service/configuration/sys_accounts).
import { encodeSubject } from "../options/subject-bytes.js";
import { isSubsetOf } from "../subjects/validity.js";
import type { ServiceExport } from "./exports.js";
import type { Exports, PlannedServiceImport } from "./plan.js";
import { Renaming } from "./renaming.js";

const THRESHOLD_MS = 120_000;
const ACCOUNT_TOKEN = 4;

const CONNZ: ServiceExport = offered("$SYS.REQ.ACCOUNT.*.CONNZ", "Stream", ACCOUNT_TOKEN);
const STATZ: ServiceExport = offered("$SYS.REQ.ACCOUNT.*.STATZ", "Stream", ACCOUNT_TOKEN);
const USER_INFO: ServiceExport = offered("$SYS.REQ.USER.*.INFO", "Singleton", 0);
const SUBSCRIBERS: ServiceExport = offered("$SYS.DEBUG.SUBSCRIBERS", "Singleton", 0);

function offered(
  subject: string,
  responseType: ServiceExport["responseType"],
  accountTokenPosition: number,
): ServiceExport {
  const threshold = { thresholdMs: THRESHOLD_MS, allowTrace: false };
  return { subject, accounts: undefined, accountTokenPosition, responseType, ...threshold };
}

/** The system account's exports with those it always has; one of the options that covers one takes its place. */
export function withSystemExports({ streamExports, serviceExports }: Exports): Exports {
  const missing = [CONNZ, STATZ, SUBSCRIBERS, USER_INFO].filter(
    ({ subject }) => !serviceExports.some((other) => isSubsetOf(subject, other.subject)),
  );
  return { streamExports, serviceExports: [...serviceExports, ...missing] };
}

/**
 * An account's service imports with those that it has by itself; one of its own of the same local subject takes their
 * place. The system account asks itself who its users are.
 */
export function withSystemImports(
  account: string,
  system: string | undefined,
  own: readonly PlannedServiceImport[],
): readonly PlannedServiceImport[] {
  if (system === undefined) return own;
  const name = encodeSubject(account);
  const imported = (local: string, remote: string, service: ServiceExport): PlannedServiceImport => ({
    importer: account,
    exporter: system,
    remote,
    local,
    path: "",
    renaming: Renaming.of(local, remote),
    service,
    share: service === USER_INFO,
  });
  const connz = `$SYS.REQ.ACCOUNT.${name}.CONNZ`;
  const added = [imported("$SYS.REQ.USER.INFO", `$SYS.REQ.USER.${name}.INFO`, USER_INFO)];
  if (account !== system) {
    added.unshift(
      imported("$SYS.REQ.ACCOUNT.PING.CONNZ", connz, CONNZ),
      imported("$SYS.REQ.SERVER.PING.CONNZ", connz, CONNZ),
      imported("$SYS.REQ.ACCOUNT.PING.STATZ", `$SYS.REQ.ACCOUNT.${name}.STATZ`, STATZ),
    );
  }
  const taken = new Set(own.filter(({ exporter }) => exporter === system).map(({ local }) => local));
  return [...own, ...added.filter(({ local }) => !taken.has(local))];
}
