// Bugs that the simulation of leaf nodes must find.
import { LeafConnection } from "../../src/leafnodes/leaf.js";
import { LeafAnnouncements } from "../../src/leafnodes/leaf-announcements.js";
import { LeafInterest } from "../../src/leafnodes/leaf-interest.js";
import { LeafRemote } from "../../src/leafnodes/remote.js";
import { everyNth, replace } from "./planted-bugs.js";

/** Each plants its bug and returns what takes it out. */
export const LEAF_BUGS: Readonly<Record<string, () => () => void>> = {
  "the end of an interest is not told to the hub": () => {
    const isLost = everyNth(10);
    return replace(LeafInterest.prototype, "removed", (removed) => {
      return function (interest) {
        if (!isLost()) removed.call(this, interest);
      };
    });
  },

  "a new leaf link is not told of all interest": () => {
    const isLost = everyNth(20);
    return replace(LeafInterest.prototype, "all", (all) => {
      return function* () {
        for (const interest of all.call(this)) if (!isLost()) yield interest;
      };
    });
  },

  "a queue group's members are counted once": () =>
    replace(LeafInterest.prototype, "note", (note) => {
      return function ({ subject, queue }) {
        note.call(this, { subject, queue, weight: 1 });
      };
    }),

  "a leaf cluster hears of its own interest from another server of its hub": () =>
    replace(LeafAnnouncements.prototype, "hears", () => {
      return function ({ source, target }) {
        return target !== this.link && (!this.link.isHub || source <= 2);
      };
    }),

  "messages go back to the leaf cluster that they came from": () =>
    replace(LeafConnection.prototype, "deliver", (deliver) => {
      return function (subscription, message, source) {
        const isKnown = source?.leafCluster !== undefined && source !== this && source.peer === undefined;
        return deliver.call(this, subscription, message, isKnown ? undefined : source);
      };
    }),

  "what comes over a route goes up to the hub": () =>
    replace(LeafConnection.prototype, "deliver", (deliver) => {
      return function (subscription, message, source) {
        return deliver.call(this, subscription, message, source?.peer === "route" ? undefined : source);
      };
    }),

  "the interest of a dead leaf link is kept": () =>
    // biome-ignore lint/suspicious/noExplicitAny: a method that only the class itself calls
    replace(LeafConnection.prototype as any, "left", (left) => {
      return function (reason) {
        const { account } = this;
        const unsubscribe = account?.unsubscribe;
        if (account !== undefined) account.unsubscribe = () => {};
        left.call(this, reason);
        if (account !== undefined) account.unsubscribe = unsubscribe;
      };
    }),

  "a remote that was lost is dialled too late": () =>
    replace(LeafRemote.prototype, "start", (start) => {
      return function (delayMs = 0) {
        start.call(this, delayMs > 0 ? delayMs + 10_000 : 0);
      };
    }),

  "a leaf link leaves a timer behind": () =>
    replace(LeafConnection.prototype, "begin", (begin) => {
      return function () {
        begin.call(this);
        this.hub.runtime.clock.after(3_600_000, () => {});
      };
    }),
};
