import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { CertificateAuthority } from "../../../test/support/certificates.js";
import { readCertificate } from "./certificate.js";
import { DerError } from "./der.js";

const authority = new CertificateAuthority();

test("the names and fingerprints of a certificate", () => {
  const uris = ["spiffe://test/a", "nats://b"];
  const made = authority.issue({ dns: ["a.test", "b.test"], emails: ["a@test"], uris });
  const read = readCertificate(made.der);
  assert.deepEqual(read.dnsNames, ["a.test", "b.test"]);
  assert.deepEqual(read.emails, ["a@test"]);
  assert.deepEqual(read.uris, uris);
  assert.equal(read.publicKeySha256, made.publicKeySha256);
  assert.equal(read.sha256, createHash("sha256").update(made.der).digest("hex"));
});

test("a certificate without alternative names", () => {
  const { raw } = new X509Certificate(authority.certificate);
  const { dnsNames, emails, uris } = readCertificate(raw);
  assert.deepEqual([dnsNames, emails, uris], [[], [], []]);
});

test("what is no certificate is refused", () => {
  const { der } = authority.issue();
  for (const bytes of [Buffer.alloc(0), Buffer.from("PING"), Buffer.from([0x30, 0]), der.subarray(0, 100)]) {
    assert.throws(() => readCertificate(bytes), DerError);
  }
});
