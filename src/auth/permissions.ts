// What a user may publish and subscribe to (conformance/wire, FACTS "Permissions"; ADR-8 for allow_responses).
import { OptionsError } from "../options/errors.js";
import type { ResolvedPermissions } from "../options/options.js";
import { bytesAsText } from "../protocol/json.js";
import { Sublist } from "../subjects/sublist.js";
import { hasBlank, isSubsetOf, isValidSubject } from "../subjects/validity.js";

/** Replies that a client may still send at a time; beyond, the oldest right is given up. */
export const MAX_ALLOWED_REPLIES = 65_536;
/** Results kept per set of permissions of what may be received. */
const MAX_CACHED_RECEIVES = 4_096;

/** An entry of a list: a subject, and the queue group that it speaks of ("subject queue" in the options). */
interface Rule {
  readonly subject: string;
  readonly queue: string | undefined;
}

type RuleList = Sublist<Rule>;

/** Rules that all connections of a user share. */
interface Rules {
  readonly publishAllow: RuleList | undefined;
  readonly publishDeny: RuleList | undefined;
  readonly subscribeAllow: RuleList | undefined;
  readonly subscribeDeny: RuleList | undefined;
  readonly responses: { readonly maxMsgs: number; readonly expiresMs: number } | undefined;
  readonly received: Map<string, boolean>;
}

interface AllowedReply {
  readonly sinceMs: number;
  sent: number;
}

export interface SubjectLists {
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
}

export class Permissions {
  /** Whether wildcard and queue subscriptions may cover denied subjects, so that deliveries have to be checked. */
  readonly deniesDelivery: boolean;
  /** Whether reply subjects of delivered messages may be published to; `noteRequest` then wants to know of them. */
  readonly allowsResponses: boolean;
  readonly #rules: Rules;
  #replies: Map<string, AllowedReply> | undefined;
  #lastReceived: string | undefined;
  #lastMayReceive = true;

  private constructor(rules: Rules) {
    this.#rules = rules;
    this.deniesDelivery = rules.subscribeDeny !== undefined;
    this.allowsResponses = rules.responses !== undefined;
  }

  /**
   * Reads what the options say; undefined: everything is allowed. As in nats-server, an empty list is the same as none,
   * and with allow_responses nothing else may be published but what a list allows.
   * @throws {OptionsError} OPTIONS_VALUE for a malformed entry; `path` names the option
   */
  static of(raw: ResolvedPermissions | undefined, path = "permissions"): Permissions | undefined {
    if (raw === undefined) return undefined;
    const { publish, subscribe, allowResponses } = raw;
    if (publish === undefined && subscribe === undefined && allowResponses === undefined) return undefined;
    const publishPath = `${path}.publish`;
    const subscribePath = `${path}.subscribe`;
    return new Permissions({
      publishAllow:
        publish?.allow?.length || allowResponses !== undefined
          ? ruleList(publish?.allow ?? [], `${publishPath}.allow`, false)
          : undefined,
      publishDeny: publish?.deny?.length ? ruleList(publish.deny, `${publishPath}.deny`, false) : undefined,
      subscribeAllow: subscribe?.allow?.length ? ruleList(subscribe.allow, `${subscribePath}.allow`, true) : undefined,
      subscribeDeny: subscribe?.deny?.length ? ruleList(subscribe.deny, `${subscribePath}.deny`, true) : undefined,
      responses: allowResponses,
      received: new Map(),
    });
  }

  /** The lists behind it, as text; a queue group stands behind its subject. */
  lists(): { publish: SubjectLists; subscribe: SubjectLists } {
    const { publishAllow, publishDeny, subscribeAllow, subscribeDeny } = this.#rules;
    return {
      publish: { allow: textsOf(publishAllow), deny: textsOf(publishDeny) },
      subscribe: { allow: textsOf(subscribeAllow), deny: textsOf(subscribeDeny) },
    };
  }

  /** The same for one connection, which counts its own allowed responses. */
  forConnection(): Permissions {
    return this.allowsResponses ? new Permissions(this.#rules) : this;
  }

  /**
   * Whether a message may be published to this subject. A right to respond is used up by asking, so ask once for each
   * message when `allowsResponses`; `nowMs` is monotonic time and only needed then.
   */
  canPublish(subject: string, nowMs = 0): boolean {
    return this.#mayAlwaysPublish(subject) || (this.#replies !== undefined && this.#useReply(subject, nowMs));
  }

  /** Whether messages may always be published to all subjects of this prefix and the numbers of `Sublist.matchNumbered`. */
  canPublishNumbered(prefix: string): boolean {
    const { publishAllow, publishDeny } = this.#rules;
    const allowed = publishAllow?.matchNumbered(prefix);
    if (publishAllow !== undefined && !(allowed !== undefined && allowed.plain.length > 0)) return false;
    const denied = publishDeny?.matchNumbered(prefix);
    return publishDeny === undefined || (denied !== undefined && denied.plain.length === 0);
  }

  /** Whether a subscription is accepted; a wildcard one may still cover subjects that `mayReceive` then leaves out. */
  canSubscribe(subject: string, queue: string | undefined): boolean {
    const { subscribeAllow, subscribeDeny } = this.#rules;
    if (subscribeAllow !== undefined) {
      // A sublist lets `*` match the text `>`; only what is covered as a whole is allowed.
      const { plain, queues } = rulesFor(subscribeAllow, subject, (rule) => isSubsetOf(subject, rule.subject));
      const allowed = queue !== undefined && queues.length > 0 ? namesQueue(queues, queue) : plain;
      if (!allowed) return false;
    }
    if (subscribeDeny === undefined) return true;
    const { plain, queues } = rulesFor(subscribeDeny, subject, () => true);
    return !plain && !(queue !== undefined && namesQueue(queues, queue));
  }

  /** Whether a message of this subject may be delivered to a subscription that was accepted. */
  mayReceive(subject: string, queue?: string): boolean {
    const { subscribeDeny, received } = this.#rules;
    if (subscribeDeny === undefined) return true;
    // Messages of one subject tend to come together.
    if (queue === undefined && subject === this.#lastReceived) return this.#lastMayReceive;
    // No subject and no queue name holds a blank.
    const key = queue === undefined ? subject : `${subject} ${queue}`;
    let may = received.get(key);
    if (may === undefined) {
      const { plain, queues } = rulesFor(subscribeDeny, subject, () => true);
      may = !plain && !(queue !== undefined && namesQueue(queues, queue));
      if (received.size >= MAX_CACHED_RECEIVES) received.clear();
      received.set(key, may);
    }
    if (queue === undefined) {
      this.#lastReceived = subject;
      this.#lastMayReceive = may;
    }
    return may;
  }

  /** A message with this reply subject was delivered: it may be answered from now on. `nowMs` is monotonic time. */
  noteRequest(reply: string, nowMs: number): void {
    if (!this.allowsResponses || reply === "" || this.#mayAlwaysPublish(reply)) return;
    this.#replies ??= new Map();
    const replies = this.#replies;
    replies.delete(reply);
    replies.set(reply, { sinceMs: nowMs, sent: 0 });
    for (const [oldest, { sinceMs }] of replies) {
      if (replies.size <= MAX_ALLOWED_REPLIES && !this.#isOver(sinceMs, nowMs)) break;
      replies.delete(oldest);
    }
  }

  #mayAlwaysPublish(subject: string): boolean {
    const { publishAllow, publishDeny } = this.#rules;
    if (publishAllow !== undefined && !publishAllow.hasInterest(subject)) return false;
    return publishDeny === undefined || !publishDeny.hasInterest(subject);
  }

  #useReply(subject: string, nowMs: number): boolean {
    const { responses } = this.#rules;
    const reply = this.#replies?.get(subject);
    if (reply === undefined || responses === undefined) return false;
    reply.sent++;
    const isUsedUp = responses.maxMsgs > 0 && reply.sent >= responses.maxMsgs;
    const isOver = this.#isOver(reply.sinceMs, nowMs);
    if (isUsedUp || isOver) this.#replies?.delete(subject);
    return !isOver;
  }

  #isOver(sinceMs: number, nowMs: number): boolean {
    const expiresMs = this.#rules.responses?.expiresMs ?? 0;
    return expiresMs > 0 && nowMs - sinceMs > expiresMs;
  }
}

function ruleList(entries: readonly string[], path: string, withQueues: boolean): RuleList {
  // Publishers keep what a subject led to, so a cache per list would only cost memory.
  const list: RuleList = new Sublist({ cache: false });
  for (const entry of entries) {
    const [subject = "", queue, ...more] = withQueues ? entry.trim().split(/[\t\n\f\r ]+/) : [entry];
    if (!isValidSubject(subject) || hasBlank(subject) || more.length > 0) {
      const text = Buffer.from(entry, "latin1").toString("utf8");
      throw new OptionsError("OPTIONS_VALUE", path, `subject "${text}" is not a valid subject`);
    }
    list.insert({ subject, queue });
  }
  return list;
}

function rulesFor(
  list: RuleList,
  subject: string,
  counts: (rule: Rule) => boolean,
): { plain: boolean; queues: readonly string[] } {
  const { plain, queues } = list.match(subject);
  const names = queues.flatMap((rules) => (rules.some(counts) ? [rules[0].queue as string] : []));
  return { plain: plain.some(counts), queues: names };
}

// A name in the options may have wildcards; it then covers group names token by token.
function namesQueue(names: readonly string[], queue: string): boolean {
  return names.some((name) => name === queue || isSubsetOf(queue, name));
}

function textsOf(list: RuleList | undefined): string[] | undefined {
  if (list === undefined) return undefined;
  return Array.from(list.all(), ({ subject, queue }) =>
    bytesAsText(queue === undefined ? subject : `${subject} ${queue}`),
  );
}
