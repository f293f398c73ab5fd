import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "./decode-errors.js";
import { loadConfig } from "./load.js";

// A key pair, a certificate of it (CN=test, ten years), and another key.
const FILES: Record<string, string> = {
  "cert.pem":
    "-----BEGIN CERTIFICATE-----\nMIIBczCCARmgAwIBAgIUed3l+EengQsYMJ1LQT3D565w4yMwCgYIKoZIzj0EAwIw\nDzENMAsGA1UEAwwEdGVzdDAeFw0yNjExMjMyMDExMTJaFw0zNjExMjAyMDExMTJa\nMA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARzekSh\nbUDr5NLLt108PsyTVxBk0srKnQuWvJ/TesEnQ9z2NiuImFVDm80AoBPsE0Fu7zlI\nCh08GyA9Gpnf6Lp8o1MwUTAdBgNVHQ4EFgQUOOQkTamV+bq8hofaMCMuCPNZaHow\nHwYDVR0jBBgwFoAUOOQkTamV+bq8hofaMCMuCPNZaHowDwYDVR0TAQH/BAUwAwEB\n/zAKBggqhkjOPQQDAgNIADBFAiBZjRUWWicH+f0f5rUn36LuD7CuBqofPy/1lFIo\npl9vswIhALQ5WeynNE8CRy5Csyi+qTs9Rgs/MoxBlB06/B1hGj5j\n-----END CERTIFICATE-----\n",
  "key.pem":
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQguyaLSYh3CFQMA+5i\nPRG5poErPgZ8DJmZZgDBTFh2ZvmhRANCAARzekShbUDr5NLLt108PsyTVxBk0srK\nnQuWvJ/TesEnQ9z2NiuImFVDm80AoBPsE0Fu7zlICh08GyA9Gpnf6Lp8\n-----END PRIVATE KEY-----\n",
  "other-key.pem":
    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIJ3Ubu+DmZSd1w2YIJr7yUPdGnrmuHvCTngvDghbLvIDoAoGCCqGSM49\nAwEHoUQDQgAEEjui7Ft4iYPVxX73oMtotjk9aT8UEpZfUWI1Cr90ZbUW/WpWMCbh\nZTH63sJxzVt9sqF4JtI/Zviz1afg/QxmrA==\n-----END EC PRIVATE KEY-----\n",
  "text.pem": "no certificate\n",
  "broken.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
};

const load = (tls: string, prefix = "tls") => {
  const files: Record<string, string> = { ...FILES, "server.conf": `${prefix} { ${tls} }` };
  const readSync = (path: string): Buffer => {
    if (Object.hasOwn(files, path)) return Buffer.from(files[path]);
    throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
  };
  return loadConfig("server.conf", { disk: { readSync, statSync: () => undefined }, env: () => undefined }).options;
};
const errorOf = (tls: string): string => {
  try {
    load(tls);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "accepted";
};
const PAIR = 'cert_file: "cert.pem", key_file: "key.pem"';

test("certificates are loaded and checked", () => {
  assert.equal(errorOf(`${PAIR}, ca_file: "cert.pem"`), "accepted");
  assert.equal(errorOf('certs = [ { cert_file: "cert.pem", key_file: "key.pem" } ]'), "accepted");
  for (const [tls, words] of [
    ['cert_file: "none.pem", key_file: "key.pem"', /open none.pem: no such file or directory/],
    ['cert_file: "cert.pem"', /missing 'key_file'/],
    ['key_file: "key.pem"', /missing 'cert_file'/],
    ['cert_file: "text.pem", key_file: "key.pem"', /failed to find any PEM data in certificate input/],
    ['cert_file: "cert.pem", key_file: "text.pem"', /failed to find any PEM data in key input/],
    ['cert_file: "cert.pem", key_file: "other-key.pem"', /private key does not match public key/],
    ['cert_file: "broken.pem", key_file: "key.pem"', /failed to parse broken.pem or key.pem/],
    [`${PAIR}, ca_file: "none.pem"`, /open none.pem/],
    [`${PAIR}, ca_file: "text.pem"`, /failed to parse root ca certificate/],
    [`${PAIR}, ca_file: "broken.pem"`, /failed to parse root ca certificate/],
    [`${PAIR}, certs = [ { cert_file: "cert.pem", key_file: "key.pem" } ]`, /cannot combine/],
    ['certs = [ { cert_file: "cert.pem" } ]', /both 'cert_file' and 'cert_key'/],
    ['certs = [ { cert_file: "none.pem", key_file: "key.pem" } ]', /key pair 1\/1: open none.pem/],
  ] as const) {
    assert.match(errorOf(tls), words, tls);
  }
});

test("names and versions", () => {
  for (const [tls, words] of [
    ['cipher_suites: ["ROT13"]', /unrecognized cipher ROT13/],
    ["cipher_suites: []", /cannot be empty/],
    ['cipher_suites: ["TLS_RSA_WITH_AES_128_CBC_SHA"]', /without 'allow_insecure_cipher_suites'/],
    ['curve_preferences: ["round"]', /unrecognized curve preference round/],
    ['min_version: "1.1"', /unsupported TLS version: TLS 1.1/],
    ['min_version: "9"', /unknown version: 9/],
    ['pinned_certs: ["abc"]', /'pinned_certs' key abc does not look like/],
    ["handshake_first: sometimes", /value "sometimes" is invalid/],
    ["colour: red", /unknown field "colour"/],
    ["cert_store: WindowsCurrentUser", /not compatible/],
    ["cert_match_by: moon", /"moon"/],
  ] as const) {
    assert.match(errorOf(tls), words, tls);
  }
  const insecure = 'cipher_suites: ["TLS_RSA_WITH_AES_128_CBC_SHA"], allow_insecure_cipher_suites: true';
  assert.equal(errorOf(insecure), "accepted");
});

test("the handshake may come first, for ever or for a while", () => {
  assert.deepEqual(load("first: auto").tls, { handshakeFirst: true, handshakeFirstFallbackMs: 50 });
  assert.deepEqual(load('immediate: "1s"').tls, { handshakeFirst: true, handshakeFirstFallbackMs: 1_000 });
  assert.deepEqual(load("handshake_first: on").tls, { handshakeFirst: true });
});

test("mapping and known URLs need verified certificates", () => {
  assert.deepEqual(load("verify_and_map: true").tls, { verifyAndMap: true, verify: true });
  assert.match(errorOf("verify_cert_and_check_known_urls: true"), /not supported in this context/);
  const known = load("tls { verify_cert_and_check_known_urls: true }", "cluster").cluster?.tls;
  assert.deepEqual(known, { verifyCertAndCheckKnownUrls: true, verify: true });
});
