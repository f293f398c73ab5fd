// What may cross a leaf link, seen from this side: messages and interest that come in and go out
// (conformance/topology, WIRE.md 4.1).
import { Permissions } from "../auth/permissions.js";
import type { ResolvedPermissions } from "../options/options.js";
import { encodeSubject } from "../options/subject-bytes.js";
import type { PeerPermissions } from "../protocol/peer-info.js";

/** How many subjects of messages that go out are remembered. */
const REMEMBERED_SUBJECTS = 1024;

/** Subjects without a rule are allowed. */
export class LeafPermissions {
  readonly #rules: Permissions | undefined;

  private constructor(rules: Permissions | undefined) {
    this.#rules = rules;
  }

  /** Of a leaf node's user at the hub: it publishes in, and subscribes to what goes out. */
  static ofUser(permissions: Permissions | undefined): LeafPermissions {
    return new LeafPermissions(permissions);
  }

  /** Of what the hub has told: the leaf imports what comes in, and exports what goes out. */
  static ofHub(imports: PeerPermissions | undefined, exports: PeerPermissions | undefined): LeafPermissions {
    return new LeafPermissions(Permissions.of({ publish: rulesOf(imports), subscribe: rulesOf(exports) }, "leafnode"));
  }

  /** Of subjects (latin1) that are kept from coming in and from going out. */
  static denying(come: readonly string[], go: readonly string[]): LeafPermissions {
    const rules = (deny: readonly string[]): ResolvedPermissions["publish"] =>
      deny.length === 0 ? undefined : { deny };
    return new LeafPermissions(
      Permissions.of({ publish: rules(come), subscribe: rules(go) } as ResolvedPermissions, "leafnode"),
    );
  }

  /** Whether a message of the subject may come in. */
  mayCome(subject: string): boolean {
    return this.#rules === undefined || this.#rules.canPublish(subject);
  }

  /** Whether a message of the subject may go out. */
  mayGo(subject: string): boolean {
    return this.#rules === undefined || this.#rules.canSubscribe(subject, undefined);
  }

  /** Whether the other side may be interested in the subject, which may have wildcards. */
  mayBeWanted(subject: string, queue: string | undefined): boolean {
    return this.#rules === undefined || this.#rules.canSubscribe(subject, queue);
  }
}

/** Several permissions, all of which must hold. Decides once for a subject whose messages go out again and again. */
export class AllLeafPermissions {
  readonly #all: readonly LeafPermissions[];
  readonly #going = new Map<string, boolean>();
  #lastSubject = "";
  #mayLastGo = false;

  constructor(all: readonly LeafPermissions[] = []) {
    this.#all = all;
  }

  /** Whether a message of the subject may come in. */
  mayCome(subject: string): boolean {
    return this.#all.every((one) => one.mayCome(subject));
  }

  /** Whether a message of the subject may go out. */
  mayGo(subject: string): boolean {
    if (subject === this.#lastSubject) return this.#mayLastGo;
    let may = this.#going.get(subject);
    if (may === undefined) {
      may = this.#all.every((one) => one.mayGo(subject));
      if (this.#going.size >= REMEMBERED_SUBJECTS) this.#going.clear();
      this.#going.set(subject, may);
    }
    this.#lastSubject = subject;
    this.#mayLastGo = may;
    return may;
  }

  /** Whether the other side may be interested in the subject, which may have wildcards. */
  mayBeWanted(subject: string, queue: string | undefined): boolean {
    return this.#all.every((one) => one.mayBeWanted(subject, queue));
  }
}

function rulesOf(told: PeerPermissions | undefined): ResolvedPermissions["publish"] {
  if (told === undefined) return undefined;
  return {
    allow: told.allow?.map(encodeSubject),
    deny: told.deny?.map(encodeSubject),
  } as ResolvedPermissions["publish"];
}
