// What may cross a leaf link, seen from this side: messages and interest that come in and go out
// (conformance/topology, WIRE.md 4.1).
import { Permissions } from "../auth/permissions.js";
import type { ResolvedPermissions } from "../options/options.js";
import { encodeSubject } from "../options/subject-bytes.js";
import type { PeerPermissions } from "../protocol/peer-info.js";

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

function rulesOf(told: PeerPermissions | undefined): ResolvedPermissions["publish"] {
  if (told === undefined) return undefined;
  return {
    allow: told.allow?.map(encodeSubject),
    deny: told.deny?.map(encodeSubject),
  } as ResolvedPermissions["publish"];
}
