// Which user a client's certificate stands for (verify_and_map,
// https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/tls_mutual_auth).

import type { ResolvedOptions } from "../../options/options.js";
import type { ConnectionType, User } from "../users.js";
import { type Certificate, readCertificate } from "./certificate.js";
import {
  comparableSubject,
  type DistinguishedName,
  domainComponents,
  parseDistinguishedName,
  sameName,
  sameNameReordered,
  subjectText,
} from "./distinguished-name.js";

export class CertificateUsers {
  readonly #byName: ReadonlyMap<string, User>;
  readonly #byDn: readonly { readonly user: User; readonly dn: DistinguishedName }[];

  constructor(byName: ReadonlyMap<string, User>) {
    this.#byName = byName;
    this.#byDn = [...byName.values()].flatMap((user) => {
      const dn = parseDistinguishedName(user.name);
      return dn === undefined ? [] : [{ user, dn }];
    });
  }

  /**
   * The user of the first name that fits: e-mail addresses, DNS names, URIs, then the subject: by its attributes in their
   * order, in any order, as text with its domain components, and as text.
   * @param der the client's certificate; undefined when it showed none
   * @param admits users for whom it says false are passed over
   */
  find(der: Uint8Array | undefined, admits: (user: User) => boolean): User | undefined {
    const certificate = der === undefined ? undefined : readOrNothing(der);
    if (certificate === undefined) return undefined;
    const named = (name: string): User | undefined => {
      const user = this.#byName.get(name);
      return user !== undefined && admits(user) ? user : undefined;
    };
    for (const name of [...certificate.emails, ...certificate.dnsNames, ...certificate.uris]) {
      const user = named(name);
      if (user !== undefined) return user;
    }
    const { subject } = certificate;
    const text = subjectText(subject);
    const domain = domainComponents(subject);
    const withDomain = domain === "" ? undefined : named(`${text},${domain}`);
    return this.#byAttributes(comparableSubject(subject), admits) ?? withDomain ?? named(text);
  }

  #byAttributes(dn: DistinguishedName | undefined, admits: (user: User) => boolean): User | undefined {
    if (dn === undefined) return undefined;
    const candidates = this.#byDn.filter(({ user }) => admits(user));
    const found =
      candidates.find((one) => sameName(one.dn, dn)) ?? candidates.find((one) => sameNameReordered(one.dn, dn));
    return found?.user;
  }
}

/** The ways in whose certificates name users. */
export function waysWithCertificates({
  tls,
  websocket,
  mqtt,
  leafnodes,
}: ResolvedOptions): ReadonlySet<ConnectionType> {
  const ways = new Set<ConnectionType>();
  if (tls?.verifyAndMap) ways.add("STANDARD");
  if (websocket?.port && websocket.tls?.verifyAndMap) ways.add("WEBSOCKET");
  if (mqtt?.port && mqtt.tls?.verifyAndMap) ways.add("MQTT").add("MQTT_WS");
  if (leafnodes?.port && leafnodes.tls?.verifyAndMap) ways.add("LEAFNODE").add("LEAFNODE_WS");
  return ways;
}

function readOrNothing(der: Uint8Array): Certificate | undefined {
  try {
    return readCertificate(der);
  } catch {
    return undefined;
  }
}
