import assert from "node:assert/strict";
import { test } from "node:test";
import { infoLine, type ServerInfo } from "./info.js";

const info: ServerInfo = {
  server_id: "N",
  server_name: "n",
  version: "2.15.1",
  proto: 1,
  go: "node",
  host: "h",
  port: 4222,
  headers: false,
  auth_required: false,
  max_payload: 10,
  connect_urls: [],
  nonce: "",
};

test("the first INFO ends in a blank, and false or empty keys are left out but for headers", () => {
  const expected =
    '{"server_id":"N","server_name":"n","version":"2.15.1","proto":1,"go":"node","host":"h","port":4222,"headers":false,"max_payload":10}';
  assert.equal(infoLine(info, true).toString(), `INFO ${expected} \r\n`);
  assert.equal(infoLine(info, false).toString(), `INFO ${expected}\r\n`);
});
