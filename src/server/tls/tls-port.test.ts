import assert from "node:assert/strict";
import { test } from "node:test";
import { LinesLogger } from "../../../test/support/local-server.js";
import type { ResolvedTls } from "../../auth/certificates/certificate-files.js";
import { resolveOptions } from "../../options/options.js";
import { simulatedRuntime } from "../../runtime/simulated/index.js";
import { CERTIFICATE_POLL_MS } from "../limits.js";
import { HandshakeQueue } from "./handshake-queue.js";
import { TlsPort } from "./tls-port.js";

function makePort() {
  const runtime = simulatedRuntime({ seed: 1 });
  const logger = new LinesLogger();
  const tls = resolveOptions({ tls: { certFile: "/cert", keyFile: "/key", verify: true } }).tls as ResolvedTls;
  runtime.disk.writeSync("/cert", "certificate 1");
  runtime.disk.writeSync("/key", "key 1");
  const port = new TlsPort(tls, { runtime, logger, handshakes: new HandshakeQueue(runtime.clock) });
  return { runtime, logger, port };
}

test("certificates are read again when their files change", async () => {
  const { runtime, logger, port } = makePort();
  const shown = (): string[] =>
    [port.context, port.contextForHttps].map(({ settings }) => settings.pairs[0].certificate);
  assert.deepEqual([port.context.settings.verify, port.contextForHttps.settings.verify], [true, false]);
  port.open();
  await runtime.clock.advance(3 * CERTIFICATE_POLL_MS);
  assert.deepEqual(logger.lines, []);
  runtime.disk.writeSync("/cert", "certificate 2");
  await runtime.clock.advance(CERTIFICATE_POLL_MS + 1_000);
  assert.deepEqual(shown(), ["certificate 2", "certificate 2"]);
  assert.deepEqual(logger.lines, ["info Reloaded: tls certificates"]);
  port.close();
  runtime.disk.writeSync("/cert", "certificate 3");
  await runtime.clock.advance(3 * CERTIFICATE_POLL_MS);
  assert.deepEqual(shown(), ["certificate 2", "certificate 2"]);
});

test("files that cannot be used leave the certificates as they are, and are tried again when they change", async () => {
  const { runtime, logger, port } = makePort();
  port.open();
  await runtime.clock.advance(CERTIFICATE_POLL_MS + 1_000);
  runtime.disk.removeSync("/key");
  await runtime.clock.advance(3 * CERTIFICATE_POLL_MS);
  assert.equal(logger.matching(/^error TLS certificates have changed and cannot be used: open \/key: /).length, 1);
  assert.equal(port.context.settings.pairs[0].key, "key 1");
  runtime.disk.writeSync("/key", "key 2");
  await runtime.clock.advance(CERTIFICATE_POLL_MS + 1_000);
  assert.equal(port.context.settings.pairs[0].key, "key 2");
});
