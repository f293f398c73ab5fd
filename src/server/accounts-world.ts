// What accounts need of the server that they are on.
import type { AccountsWorld } from "../accounts/accounts.js";
import { clustersByDistance, type RequestServer, requestInfo } from "./clients/request-info.js";
import type { Server } from "./server.js";
import { serverHash } from "./server-hash.js";
import { clientFacts, sendMeasurement } from "./service-latency.js";

export function accountsWorld(server: Server): AccountsWorld {
  const { random, clock } = server.runtime;
  const requestServer = (): RequestServer => ({ server: server.name, cluster: server.clusterName });
  return {
    random,
    clock,
    clusterName: server.options.cluster?.name,
    publish: (account, message, source) => server.router.publish(account, message, source),
    requestInfo: (source, importer, detailed) =>
      requestInfo(source, importer, detailed, { ...requestServer(), alts: clustersByDistance(server.reports) }),
    serverInfo: requestServer,
    isSystem: (account) => account === server.accounts.system,
    serverHash: serverHash(server.name),
    clientFacts: (source, detailed) => clientFacts(source, detailed, requestServer()),
    sendMeasurement: (account, subject, measurement) => sendMeasurement(server, account, subject, measurement),
  };
}
