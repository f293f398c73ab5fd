import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { CertificateAuthority, type CertificateNames } from "../../../test/support/certificates.js";
import { mustStaple, ocspRequest, readOcspAnswer, respondersOf, timeFault } from "./ocsp.js";

const authority = new CertificateAuthority();
const issuer = new X509Certificate(authority.certificate);
const made = (names = {}) => new X509Certificate(authority.issue({ dns: ["localhost"], ...names }).certificate);
const now = Date.now();

test("where to ask, and whether clients expect the answer", () => {
  const plain = made();
  const stapled = made({ ocspUrl: "http://127.0.0.1:1/ocsp", mustStaple: true });
  assert.deepEqual([respondersOf(plain), mustStaple(plain)], [[], false]);
  assert.deepEqual([respondersOf(stapled), mustStaple(stapled)], [["http://127.0.0.1:1/ocsp"], true]);
});

test("answers are read", () => {
  const certificate = made();
  const request = ocspRequest(certificate, issuer);
  for (const status of ["good", "revoked", "unknown"] as const) {
    const nextUpdateMs = Math.floor(now / 1000) * 1000 + 60_000;
    const answer = readOcspAnswer(authority.answerOcsp(request, status, { nextUpdateMs }), certificate, issuer, now);
    assert.deepEqual([answer.status, answer.nextUpdateMs], [status, nextUpdateMs]);
  }
});

test("somebody whom the issuer has authorised may answer for it, as long as that holds", () => {
  const certificate = made();
  const request = ocspRequest(certificate, issuer);
  const statusBy = (names: CertificateNames, from = authority): string => {
    const answer = authority.answerOcsp(request, "good", { signedBy: from.issue(names) });
    return readOcspAnswer(answer, certificate, issuer, now).status;
  };
  assert.equal(statusBy({ ocspSigning: true }), "good");
  assert.equal(statusBy({ ocspSigning: true, validToMs: Date.UTC(2055, 0, 1) }), "good");
  const refused = { code: "AUTH_OCSP", message: "the answer is not signed by the issuer" };
  assert.throws(() => statusBy({}), refused);
  assert.throws(() => statusBy({ ocspSigning: true, validToMs: now - 1000 }), refused);
  assert.throws(() => statusBy({ ocspSigning: true, validFromMs: now + 60_000 }), refused);
  assert.throws(() => statusBy({ ocspSigning: true }, new CertificateAuthority()), refused);
});

test("an answer counts in its time, as far as the clocks may differ", () => {
  const answer = { status: "good", thisUpdateMs: 10_000, nextUpdateMs: 20_000 } as const;
  const faults = [4_999, 5_000, 25_000, 25_001].map((nowMs) => timeFault(answer, nowMs, 5_000));
  assert.deepEqual(faults, ["of the future", undefined, undefined, "of the past"]);
  assert.equal(timeFault({ ...answer, nextUpdateMs: undefined }, 1e15, 0), undefined);
});

test("answers of somebody else, about something else, and what is none are refused", () => {
  const certificate = made();
  const request = ocspRequest(certificate, issuer);
  const good = authority.answerOcsp(request, "good");
  const read = (answer: Buffer) => readOcspAnswer(answer, certificate, issuer, now);
  const refused = (answer: Buffer, message: RegExp): void =>
    assert.throws(
      () => read(answer),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "AUTH_OCSP");
        return message.test(error.message);
      },
    );
  refused(authority.answerOcsp(request, "good", { signedBy: new CertificateAuthority() }), /not signed by the issuer/);
  refused(authority.answerOcsp(ocspRequest(made(), issuer), "good"), /another certificate/);
  refused(Buffer.from("30030a0103", "hex"), /refuses to answer \(3\)/);
  for (const end of [0, 1, 5, 20, good.length - 1]) refused(good.subarray(0, end), /./);
  for (let at = 0; at < good.length; at++) {
    const broken = Buffer.from(good);
    broken[at] ^= 0x01;
    try {
      assert.equal(read(broken).status, "good");
    } catch (error) {
      assert.equal((error as { code?: string }).code, "AUTH_OCSP");
    }
  }
});
