import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOptions, type ServerOptions } from "./options.js";
import { unbuiltIn } from "./unbuilt.js";

const pathsOf = (options: ServerOptions): { refused: string[]; announced: string[] } => {
  const { refuse, announce } = unbuiltIn(options);
  return { refused: refuse.map(({ path }) => path), announced: announce.map(({ path }) => path) };
};

test("defaults ask for nothing, given or resolved", () => {
  assert.deepEqual(pathsOf({}), { refused: [], announced: [] });
  assert.deepEqual(pathsOf(resolveOptions({}) as ServerOptions), { refused: [], announced: [] });
});

test("what restricts is refused", () => {
  const refused = (options: ServerOptions): string[] => pathsOf(options).refused;
  assert.deepEqual(refused({ tls: { certStore: "s" } }), ["tls.certStore"]);
  assert.deepEqual(refused({ jetstream: { tpm: { keysFile: "k" } } }), ["jetstream.tpm"]);
  assert.deepEqual(refused({ leafnodes: { remotes: [{}, { tls: { certStore: "s" } }] } }), [
    "leafnodes.remotes[1].tls.certStore",
  ]);
});

test("what adds is announced, when it is on", () => {
  const announced = (options: ServerOptions): string[] => pathsOf(options).announced;
  assert.deepEqual(announced({ jetstream: {} }), []);
  assert.deepEqual(announced({ jetstream: { enabled: false, tpm: { keysFile: "k" } } }), []);
  assert.deepEqual(announced({ cluster: { port: 1 }, gateway: { port: 1 }, leafnodes: { remotes: [{}] } }), []);
  assert.deepEqual(announced({ mqtt: { port: 1 } }), ["mqtt"]);
  assert.deepEqual(announced({ mqtt: { port: 0 } }), []);
  assert.deepEqual(announced({ accounts: { A: { jetstream: {} } } }), []);
});

test("says where it was set", () => {
  const positions = new Map([
    ["tls.certStore", "line 3"],
    ["leafnodes.remotes", "line 4"],
  ]);
  assert.equal(unbuiltIn({ tls: { certStore: "s" } }, positions).refuse[0].where, "line 3");
  const remotes = unbuiltIn({ leafnodes: { remotes: [{ tls: { certStore: "s" } }] } }, positions);
  assert.equal(remotes.refuse[0].where, "line 4");
});

test("what is built is neither", () => {
  const options: ServerOptions = {
    authorization: { users: [{ nkey: "U" }], defaultPermissions: { allowResponses: {} } },
    accounts: {
      A: {
        limits: { maxConnections: 1 },
        imports: [{ to: "x" }],
        exports: [{ service: "s", latency: { subject: "l" } }],
        msgTrace: { destination: "t" },
      },
    },
    mappings: { a: [{ destination: "b" }] },
    httpPort: 8222,
    tls: { certFile: "a", keyFile: "b", ocspPeer: { verify: true } },
    proxyProtocol: true,
    proxies: { trusted: [{ key: "N" }] },
  };
  assert.deepEqual(pathsOf(options), { refused: [], announced: [] });
});
