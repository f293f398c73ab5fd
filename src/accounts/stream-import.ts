// A stream import: the importing account's subscriptions have shadows in the exporting account's interest, which hand
// messages on under the local name. Messages never enter the importing account's own path, so nothing is passed on twice.

import { isSubsetOf, subjectMatches } from "../subjects/validity.js";
import type { Account } from "./account.js";
import type { Message } from "./message.js";
import { intersection, type Renaming } from "./renaming.js";
import { type DeliveryTarget, Subscription } from "./subscription.js";

/** A subscription seen from the account that it imports from. It keeps the sid and the queue group, but has no end of its own. */
export class StreamShadow extends Subscription {
  readonly original: Subscription;
  readonly streamImport: StreamImport;

  constructor(subject: string, original: Subscription, streamImport: StreamImport) {
    super(subject, original.queue, original.sid, streamImport, original.standing);
    this.original = original;
    this.streamImport = streamImport;
  }
}

export class StreamImport implements DeliveryTarget {
  readonly exporter: Account;
  readonly importer: Account;
  /** From the exporter's subjects to the importer's. */
  readonly renaming: Renaming;
  readonly allowTrace: boolean;
  readonly echo = true;

  constructor(exporter: Account, importer: Account, renaming: Renaming, allowTrace: boolean) {
    this.exporter = exporter;
    this.importer = importer;
    this.renaming = renaming;
    this.allowTrace = allowTrace;
  }

  /** The shadow that a subscription of the importer needs in the exporter; undefined if the import does not touch it. */
  shadowOf(subscription: Subscription): StreamShadow | undefined {
    const { renaming } = this;
    const local = intersection(subscription.subject, renaming.to);
    if (local === undefined) return undefined;
    const remote = renaming.backwards(local);
    // Nothing outside of what was imported, whatever the renaming made of it.
    if (!isSubsetOf(remote, renaming.from)) return undefined;
    return new StreamShadow(remote, subscription, this);
  }

  deliver(shadow: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    const { original } = shadow as StreamShadow;
    const subject = this.renaming.forwards(message.subject);
    const isRenamed = subject !== message.subject;
    if (isRenamed && !subjectMatches(subject, original.subject)) return false;
    const { trace } = message;
    if (trace === undefined && !isRenamed) return original.target.deliver(shadow, message, source);
    const passed = message.readdressed(subject);
    if (trace !== undefined) {
      trace.streamExported(this.importer, subject);
      if (!this.allowTrace) {
        if (trace.only) return true;
        passed.trace = undefined;
      }
    }
    return original.target.deliver(shadow, passed, source);
  }

  failed(error: unknown, shadow: Subscription): void {
    const { original } = shadow as StreamShadow;
    if (original.target.failed === undefined) throw error;
    original.target.failed(error, original);
  }
}
