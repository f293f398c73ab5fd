// Bugs that the simulation must find: each is put into the classes of this process, outside of the servers' own code, and
// taken out again.
import { LocalInterest } from "../../src/cluster/local-interest.js";
import { Peer } from "../../src/cluster/peer.js";
import { PeerAccount } from "../../src/cluster/peer-account.js";
import { ClusterRoom } from "../../src/cluster/room.js";
import { RouteConnection } from "../../src/cluster/route.js";
import { Sublist } from "../../src/subjects/sublist.js";

// biome-ignore lint/suspicious/noExplicitAny: methods of many kinds
type Method = (this: any, ...args: any[]) => any;

/** Puts another method in the place of one, which it is given; returns what undoes that. */
export function replace<T extends object>(prototype: T, name: keyof T, make: (original: Method) => Method): () => void {
  const original = prototype[name] as Method;
  prototype[name] = make(original) as T[keyof T];
  return () => {
    prototype[name] = original as T[keyof T];
  };
}

/** True on every `period`th call. */
export function everyNth(period: number): () => boolean {
  let calls = 0;
  return () => ++calls % period === 0;
}

/** Each plants its bug and returns what takes it out. */
export const PLANTED_BUGS: Readonly<Record<string, () => () => void>> = {
  "the end of an interest is not told": () => {
    const isLost = everyNth(10);
    return replace(RouteConnection.prototype, "announce", (announce) => {
      return function (account, interest) {
        if (interest.count > 0 || !isLost()) announce.call(this, account, interest);
      };
    });
  },

  "a new connection is not told of all interest": () => {
    const isLost = everyNth(20);
    return replace(LocalInterest.prototype, "of", (of) => {
      return function* (account) {
        for (const interest of of.call(this, account)) if (!isLost()) yield interest;
      };
    });
  },

  "a queue group's new number of members is not told": () =>
    replace(RouteConnection.prototype, "announce", (announce) => {
      return function (account, interest) {
        if (interest.queue === "" || interest.count < 2) announce.call(this, account, interest);
      };
    }),

  "members are chosen among those of before": () => {
    const earlier = new WeakMap<object, Map<string, unknown>>();
    return replace(Sublist.prototype, "match", (match) => {
      return function (subject) {
        const results = earlier.get(this) ?? new Map<string, unknown>();
        earlier.set(this, results);
        const result = match.call(this, subject);
        const before = results.get(subject);
        if (before === undefined || result.queues.length === 0) {
          results.set(subject, result);
          return result;
        }
        results.delete(subject);
        return before;
      };
    });
  },

  "the last message is sent again after a reconnect": () => {
    const last = new Map<string, Buffer>();
    const undoSend = replace(RouteConnection.prototype, "sendMessage", (sendMessage) => {
      return function (prefix, message, queues) {
        const { subject, hasReply, body, start, end } = message;
        if (queues.length === 0 && !hasReply && this.account === undefined) {
          const line = Buffer.from(`${subject} ${end - start}\r\n`, "latin1");
          const bytes = [prefix.plain, line, body.subarray(start, end), Buffer.from("\r\n")];
          last.set(this.server.id, Buffer.concat(bytes));
        }
        sendMessage.call(this, prefix, message, queues);
      };
    });
    const undoAnnounce = replace(ClusterRoom.prototype, "announceAll", (announceAll) => {
      return function (route) {
        announceAll.call(this, route);
        const again = last.get(route.server.id);
        if (again !== undefined && route.account === undefined) route.send(again);
      };
    });
    return () => {
      undoSend();
      undoAnnounce();
    };
  },

  "messages are forwarded from route to route": () =>
    replace(PeerAccount.prototype, "deliver", (deliver) => {
      return function (subscription, message, source) {
        // The system account's would go round in circles for ever.
        const isForwarded = source?.peer === "route" && this.name !== "SYS";
        return deliver.call(this, subscription, message, isForwarded ? undefined : source);
      };
    }),

  "the interest of a dead connection is kept": () =>
    replace(Peer.prototype, "staleInterest", () => {
      return function* () {};
    }),

  "some messages go to another account": () => {
    const isWrong = everyNth(10);
    return replace(RouteConnection.prototype, "prefixFor", (prefixFor) => {
      return function (account) {
        return prefixFor.call(this, account === "B" && isWrong() ? "A" : account);
      };
    });
  },

  "a connection leaves a timer behind": () =>
    replace(RouteConnection.prototype, "startPings", (startPings) => {
      return function () {
        startPings.call(this);
        if (this.id % 5 === 0) this.hub.runtime.clock.after(3_600_000, () => {});
      };
    }),
};
