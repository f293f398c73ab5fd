// What the flags make of the options, at start and on a reload.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerOptions } from "../options/options.js";
import { withFlags } from "./flag-options.js";
import { readCommandLine } from "./flags.js";

const laid = (file: ServerOptions, ...argv: string[]) => withFlags(file, readCommandLine(argv), "start");
const reloaded = (file: ServerOptions, ...argv: string[]) => withFlags(file, readCommandLine(argv), "reload");

test("flags win over the file, which is left as it is", () => {
  const file: ServerOptions = { port: 1, debug: false, authorization: { user: "u", password: "p" } };
  const both = laid(file, "-p", "2", "-D", "--user", "f", "--pass", "g", "-n", "north");
  assert.deepEqual(both, { port: 2, debug: true, serverName: "north", authorization: { user: "f", password: "g" } });
  assert.deepEqual(file, { port: 1, debug: false, authorization: { user: "u", password: "p" } });
});

test("an empty text takes the file's setting away", () => {
  assert.deepEqual(laid({ logfile: "a.log", serverName: "x" }, "-l", "", "--cluster_name", ""), { serverName: "x" });
});

test("combined log flags win over the single ones", () => {
  assert.deepEqual(laid({}, "-DV"), { debug: true, trace: true });
  assert.deepEqual(laid({}, "-VV"), { trace: true, traceVerbose: true });
  assert.deepEqual(laid({}, "-DVV"), { debug: true, trace: true, traceVerbose: true });
  assert.deepEqual(laid({ trace: true }, "-DV=false", "-D"), { debug: false, trace: false });
});

test("JetStream is switched, its other settings stay", () => {
  assert.deepEqual(laid({ jetstream: { domain: "hub" } }, "-js=false", "-sd", "x"), {
    jetstream: { domain: "hub", enabled: false },
    storeDir: "x",
  });
});

test("a TLS flag replaces the file's block, and --tls=false drops it", () => {
  const file: ServerOptions = { tls: { certFile: "a", keyFile: "b", timeoutMs: 9 } };
  assert.deepEqual(laid(file, "--tlscert", "c", "--tlskey", "k", "--tlsverify"), {
    tls: { certFile: "c", keyFile: "k", caFile: undefined, verify: true },
  });
  assert.deepEqual(laid(file, "--tls=false", "--tlscert", "c"), {});
  assert.throws(() => laid({}, "--tls"), { message: "TLS Server certificate must be present and valid" });
  assert.throws(() => laid({}, "--tlsverify", "--tlscert", "c"), /private key must be present/);
});

test("the cluster flag sets address and login", () => {
  assert.deepEqual(laid({}, "--cluster", "nats://u:p%40@127.0.0.1:-1").cluster, {
    host: "127.0.0.1",
    port: -1,
    authorization: { user: "u", password: "p@" },
  });
  const file: ServerOptions = { cluster: { name: "c", port: 1, authorization: { user: "u", password: "p" } } };
  assert.deepEqual(laid(file, "--cluster_listen", "nats://[::1]:6222").cluster, {
    name: "c",
    host: "::1",
    port: 6222,
    authorization: {},
  });
  assert.equal(laid(file, "--cluster", "").cluster?.port, 0);
});

test("a cluster flag that is no address is refused", () => {
  const cases: [string, string][] = [
    ["foo", "missing port in address"],
    ["localhost:6222", "missing port in address"],
    ["nats://h", "address h: missing port in address"],
    ["nats://h:x", 'parse "nats://h:x": invalid port ":x" after host'],
    ["nats://u@h:1", "expected cluster password to be set"],
  ];
  for (const [url, message] of cases) {
    assert.throws(() => laid({}, "--cluster", url), { code: "NATS_FLAG_CONFLICT", message });
  }
});

test("routes need a cluster", () => {
  const routes = ["--routes", "nats://a:1, nats://b:2"];
  assert.throws(() => laid({}, ...routes), /routes require cluster/);
  assert.deepEqual(laid({ cluster: { port: 1 } }, ...routes).cluster?.routes, ["nats://a:1", "nats://b:2"]);
  assert.deepEqual(laid({}, "--cluster", "nats://h:1", ...routes).cluster?.routes, ["nats://a:1", "nats://b:2"]);
  assert.deepEqual(laid({ cluster: { port: 1, routes: ["nats://c:3"] } }, "--routes", "").cluster?.routes, []);
});

test("on a reload most flags still win", () => {
  const file: ServerOptions = { port: 1, logfile: "a", debug: false };
  assert.deepEqual(reloaded(file, "-p", "2", "-l", "b", "-D"), { port: 2, logfile: "b", debug: true });
});

test("on a reload a few give way to the file, if it has the setting", () => {
  const argv = ["-n", "flag", "--log_size_limit", "5"];
  assert.deepEqual(reloaded({ serverName: "file" }, ...argv), { serverName: "file", logfileSizeLimitBytes: 5 });
});
