import assert from "node:assert/strict";
import { test } from "node:test";
import { CertificateAuthority, type CertificateNames, OID } from "../../../test/support/certificates.js";
import { resolveOptions } from "../../options/options.js";
import { readUsers } from "../users.js";
import { CertificateUsers, waysWithCertificates } from "./certificate-users.js";

const authority = new CertificateAuthority();
const { commonName, organization, domainComponent } = OID;

function found(names: readonly string[], certificate: CertificateNames, except?: string): string | undefined {
  const users = names.map((user) => ({ user }));
  const { byName } = readUsers(resolveOptions({ authorization: { users } }));
  const { der } = authority.issue(certificate);
  return new CertificateUsers(byName).find(der, (user) => user.name !== except)?.name;
}

const everything: CertificateNames = {
  subject: [
    [domainComponent, "org"],
    [domainComponent, "nats"],
    [organization, "wire"],
    [commonName, "plain"],
  ],
  emails: ["a@test", "b@test"],
  dns: ["a.test"],
  uris: ["spiffe://a"],
};

test("the first name of the certificate that is a user's", () => {
  const ordered = [
    "a@test",
    "b@test",
    "a.test",
    "spiffe://a",
    "cn=plain, o=wire, dc=nats, dc=org",
    "O=wire,CN=plain,DC=org,DC=nats",
  ];
  for (let from = 0; from < ordered.length; from++) {
    assert.equal(found(ordered.slice(from).reverse(), everything), ordered[from]);
  }
  assert.equal(found(["CN=plain,O=wire,DC=org,DC=nats"], everything), "CN=plain,O=wire,DC=org,DC=nats");
  assert.equal(found(["CN=plain,O=wire"], everything), "CN=plain,O=wire");
  assert.equal(found(["plain", "CN=plain", "O=wire,CN=plain"], everything), undefined);
  assert.equal(found(["O=wire,CN=plain"], { subject: everything.subject?.slice(2) }), "O=wire,CN=plain");
});

test("users of other ways in are passed over", () => {
  assert.equal(found(["a@test", "a.test"], everything, "a@test"), "a.test");
  assert.equal(found(["CN=a", "cn=a"], { subject: [[commonName, "a"]] }, "CN=a"), "cn=a");
});

test("no certificate, or none that can be read, is nobody's", () => {
  const { byName } = readUsers(resolveOptions({ authorization: { users: [{ user: "CN=a" }] } }));
  const users = new CertificateUsers(byName);
  assert.equal(
    users.find(undefined, () => true),
    undefined,
  );
  assert.equal(
    users.find(Buffer.from("nothing"), () => true),
    undefined,
  );
});

test("certificates decide only on the ways in that say so", () => {
  const map = { verifyAndMap: true };
  const ways = (options: Parameters<typeof resolveOptions>[0]): string[] =>
    [...waysWithCertificates(resolveOptions(options))].sort();
  assert.deepEqual(ways({ tls: {} }), []);
  assert.deepEqual(ways({ tls: map }), ["STANDARD"]);
  assert.deepEqual(ways({ websocket: { port: 1, tls: map } }), ["WEBSOCKET"]);
  assert.deepEqual(ways({ mqtt: { port: 1, tls: map } }), ["MQTT", "MQTT_WS"]);
  assert.deepEqual(ways({ leafnodes: { port: 1, tls: map } }), ["LEAFNODE", "LEAFNODE_WS"]);
  assert.deepEqual(ways({ mqtt: { tls: map } }), []);
});
