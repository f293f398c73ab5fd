import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOptions, type ServerOptions } from "../../options/options.js";
import { type ResolvedTls, readTlsFiles, tlsFilesState } from "./certificate-files.js";

const tlsOf = (tls: ServerOptions["tls"]): ResolvedTls => resolveOptions({ tls }).tls as ResolvedTls;
const disk = { readSync: (path: string): Buffer => Buffer.from(`text of ${path}`) };

test("the files of a block are read", () => {
  const pair = { certFile: "c", keyFile: "k" };
  assert.deepEqual(readTlsFiles(tlsOf({ ...pair, caFile: "ca", verifyAndMap: true }), disk), {
    pairs: [{ certificate: "text of c", key: "text of k" }],
    authorities: "text of ca",
    verify: true,
    minVersion: "1.2",
    cipherSuites: undefined,
    curves: undefined,
  });
  const certs = [pair, { certFile: "c2", keyFile: "k2" }];
  const several = readTlsFiles(tlsOf({ certs, minVersion: "1.3", cipherSuites: ["A"], curvePreferences: ["B"] }), disk);
  assert.deepEqual(several.pairs[1], { certificate: "text of c2", key: "text of k2" });
  assert.deepEqual(
    [several.minVersion, several.cipherSuites, several.curves, several.verify],
    ["1.3", ["A"], ["B"], false],
  );
  assert.deepEqual(readTlsFiles(tlsOf({}), disk).pairs, []);
});

test("a file that cannot be read is named", () => {
  const readSync = (): Buffer => {
    throw Object.assign(new Error("no such file"), { code: "ENOENT" });
  };
  assert.throws(() => readTlsFiles(tlsOf({ certFile: "c", keyFile: "k" }), { readSync }), {
    code: "AUTH_CERTIFICATE_FILE",
    message: "open c: no such file",
  });
});

test("the state of the files tells that one of them has changed", async () => {
  const infos: Record<string, { isDirectory: boolean; sizeBytes: number; modifiedMs: number }> = {};
  for (const path of ["c", "k", "ca"]) infos[path] = { isDirectory: false, sizeBytes: 1, modifiedMs: 1 };
  const stat = async (path: string) => infos[path];
  const tls = tlsOf({ certFile: "c", keyFile: "k", caFile: "ca" });
  const states = [await tlsFilesState(tls, { stat })];
  infos["ca"] = { ...infos["ca"], modifiedMs: 2 };
  states.push(await tlsFilesState(tls, { stat }));
  infos["k"] = { ...infos["k"], sizeBytes: 2 };
  states.push(await tlsFilesState(tls, { stat }));
  delete infos["c"];
  states.push(await tlsFilesState(tls, { stat }));
  assert.equal(new Set(states).size, 4);
  assert.equal(await tlsFilesState(tls, { stat }), states[3]);
});
