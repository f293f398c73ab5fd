// The last log line of a server that cannot start.
import assert from "node:assert/strict";
import { test } from "node:test";
import { OptionsError } from "../options/errors.js";
import { resolveOptions, type ServerOptions } from "../options/options.js";
import { listenerRefusal, startFailure } from "./start-failure.js";

const failure = (error: object, options: ServerOptions) =>
  startFailure(Object.assign(new Error("own words"), error), resolveOptions(options));
const inUse = (port: number) => ({ code: "EADDRINUSE", syscall: "listen", port });

test("a client port in use is named twice, as nats-server does", () => {
  assert.equal(
    failure(inUse(1), { host: "127.0.0.1", port: 1, httpPort: 2 }),
    'Error listening on port: 127.0.0.1:1, "listen tcp 127.0.0.1:1: bind: address already in use"',
  );
  assert.match(
    failure(inUse(1), { host: "::1", port: 1 }),
    /^Error listening on port: \[::1\]:1, "listen tcp \[::1\]:1: /,
  );
});

test("a monitoring port in use says that it is the monitoring port", () => {
  assert.equal(
    failure(inUse(2), { host: "127.0.0.1", port: 1, httpPort: 2 }),
    "Can't start monitoring: can't listen to the monitor port: listen tcp 127.0.0.1:2: bind: address already in use",
  );
});

test("a port out of range and an unknown host are named", () => {
  const bad = { code: "ERR_SOCKET_BAD_PORT" };
  assert.equal(
    failure(bad, { host: "h", port: 99999 }),
    'Error listening on port: h:99999, "listen tcp: address 99999: invalid port"',
  );
  assert.match(failure(bad, { httpPort: 99999 }), /^Can't start monitoring: .*address 99999: invalid port$/);
  assert.match(failure({ code: "ENOTFOUND", syscall: "getaddrinfo" }, { host: "h" }), /lookup h: no such host/);
});

test("other errors speak for themselves", () => {
  assert.equal(failure({ code: "NATS_PID_FILE" }, {}), "own words");
});

test("options that a listener objects to are told in the log, others are not", () => {
  const refusal = (path: string) => listenerRefusal(new OptionsError("OPTIONS_VALUE", path, "no"));
  assert.deepEqual(["httpsPort", "port", "serverName"].map(refusal), ["Can't start monitoring: no", "no", undefined]);
  const prefixed = new OptionsError("OPTIONS_VALUE", "httpsPort", "Can't start monitoring: no");
  assert.equal(listenerRefusal(prefixed), prefixed.message);
  assert.equal(listenerRefusal(new Error("no")), undefined);
});
