// What monitoring shows of a leaf link.
import type { LeafStatus } from "../server/peers/peer-reports.js";
import type { LeafConnection } from "./leaf.js";

/** @param subjects what the other end is interested in */
export function leafStatus(link: LeafConnection, interestCount: number, subjects: () => string[]): LeafStatus {
  const { transport, account, admission, connect, info } = link;
  const { clock } = link.hub.runtime;
  return {
    id: link.id,
    name: link.remoteName,
    isSpoke: link.isHub,
    isIsolated: link.isolated,
    account: account?.name ?? "",
    host: transport.remoteAddress,
    port: transport.remotePort,
    startedMs: link.startedMs,
    lastActivityMs: clock.nowMs() - (clock.monotonicMs() - link.lastActivityAt),
    pendingBytes: link.closed ? 0 : link.pendingBytes,
    user: admission?.granted?.user?.name ?? connect?.user ?? "",
    version: connect?.version ?? info?.version ?? "",
    rttMs: link.rttMs,
    inMsgs: link.inMsgs,
    inBytes: link.inBytes,
    outMsgs: link.outMsgs,
    outBytes: link.outBytes,
    compression: link.compression,
    isWebSocket: link.webSocket !== undefined,
    interestCount,
    interests: subjects,
  };
}
