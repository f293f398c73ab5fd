import assert from "node:assert/strict";
import { test } from "node:test";
import { CertificateAuthority, type CertificateNames, OID } from "../../../test/support/certificates.js";
import { readCertificate } from "./certificate.js";
import {
  comparableSubject,
  domainComponents,
  fullSubjectText,
  parseDistinguishedName,
  sameName,
  sameNameReordered,
  subjectText,
} from "./distinguished-name.js";

const authority = new CertificateAuthority();
const subjectOf = (subject: NonNullable<CertificateNames["subject"]>) =>
  readCertificate(authority.issue({ subject }).der).subject;

const { commonName, country, organization, unit, domainComponent, email } = OID;

test("a subject as text has its own order and only the common types", () => {
  const subject = subjectOf([
    [domainComponent, "org"],
    [domainComponent, "nats"],
    [commonName, "first"],
    [unit, "a"],
    [country, "DE"],
    [organization, "wire"],
    [unit, "b"],
    [email, "me@test"],
    [commonName, "last"],
  ]);
  assert.equal(subjectText(subject), "CN=last,OU=a+OU=b,O=wire,C=DE");
  assert.equal(domainComponents(subject), "DC=org,DC=nats");
  const mail = `1.2.840.113549.1.9.1=#0c07${Buffer.from("me@test").toString("hex")}`;
  const domain = (value: string): string => `${domainComponent}=#13${Buffer.from(`\x04${value}`).toString("hex")}`;
  const org = `${domainComponent}=#1303${Buffer.from("org").toString("hex")}`;
  assert.equal(fullSubjectText(subject), `CN=last,OU=a+OU=b,O=wire,C=DE,${mail},${domain("nats")},${org}`);
});

test("what has a meaning in the text is escaped", () => {
  const subject = subjectOf([
    [organization, ' #a,b+c"d\\e<f>g;h '],
    [commonName, "#1 = one"],
  ]);
  assert.equal(subjectText(subject), 'CN=\\#1 = one,O=\\ #a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h\\ ');
});

test("names are compared by their attributes, not their spelling", () => {
  const dn = comparableSubject(
    subjectOf([
      [domainComponent, "org"],
      [organization, "Acme, Inc"],
      [
        [commonName, "me"],
        [unit, "all"],
      ],
    ]),
  );
  assert.ok(dn);
  const same = (text: string): [boolean, boolean] => {
    const parsed = parseDistinguishedName(text);
    return parsed === undefined ? [false, false] : [sameName(parsed, dn), sameNameReordered(parsed, dn)];
  };
  assert.deepEqual(same("CN=me+OU=all,O=Acme\\, Inc,DC=org"), [true, true]);
  assert.deepEqual(same(" ou = all + cn = me , o = Acme\\2C Inc , dc=org "), [true, true]);
  assert.deepEqual(same("DC=org,O=Acme\\, Inc,CN=me+OU=all"), [false, true]);
  assert.deepEqual(same("CN=me,OU=all,O=Acme\\, Inc,DC=org"), [false, false]);
  assert.deepEqual(same("CN=me+OU=all,O=Acme\\, Inc,DC=net"), [false, false]);
  assert.deepEqual(same("CN=me+OU=all,O=acme\\, inc,DC=org"), [false, false]);
  assert.deepEqual(same("CN=me+OU=all,O=Acme\\, Inc"), [false, false]);
});

test("blanks count where they are escaped, and bytes may be written in hexadecimal", () => {
  const valuesOf = (text: string): string[] => [...(parseDistinguishedName(text)?.[0] ?? [])];
  assert.deepEqual(valuesOf("CN=\\ a \\ "), ["CN= a  "]);
  assert.deepEqual(valuesOf("CN=a\\\\  "), ["CN=a\\"]);
  assert.deepEqual(valuesOf("CN=a = b  "), ["CN=a = b"]);
  assert.deepEqual(valuesOf("CN=M\\C3\\BCller"), ["CN=Müller"]);
  assert.deepEqual(valuesOf("CN=Müller"), ["CN=Müller"]);
});

test("texts that are no names", () => {
  for (const text of ["", "alice", "CN", "=x", "CN=a,", "CN=a,,O=b", "CN=#0401", "CN=a\\", "CN=a\\zz", "CN=\\4"]) {
    assert.equal(parseDistinguishedName(text), undefined, text);
  }
  assert.equal(comparableSubject(subjectOf([[email, "me@test"]])), undefined);
});
