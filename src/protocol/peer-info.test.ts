import assert from "node:assert/strict";
import { test } from "node:test";
import { type PeerConnect, type PeerInfo, peerConnectLine, peerInfoLine, readPeerJson } from "./peer-info.js";

const info: PeerInfo = {
  server_id: "N",
  server_name: "S",
  version: "2.15.1",
  proto: 3,
  go: "node",
  host: "127.0.0.1",
  port: 6222,
  headers: false,
  max_payload: 0,
};

test("what is absent, false, empty or 0 is left out, but for the fields that always stand", () => {
  const line = peerInfoLine({ ...info, ldm: false, connect_urls: [], nonce: "", cluster: "C", gossip_mode: 0 });
  assert.equal(
    line.toString(),
    'INFO {"server_id":"N","server_name":"S","version":"2.15.1","proto":3,"go":"node","host":"127.0.0.1","port":6222,' +
      '"headers":false,"max_payload":0,"cluster":"C"}\r\n',
  );
});

test("the first line of a listener ends in a blank", () => {
  assert.match(peerInfoLine(info, true).toString(), /\} \r\n$/);
});

test("both lines are read as they were written, names in any script included", () => {
  const named = { ...info, headers: true, server_name: "Überfluß 鯖", connect_urls: ["h:1"], route_pool_idx: 2 };
  const json = peerInfoLine(named).toString("utf8", 5).trim();
  assert.deepEqual(readPeerJson<PeerInfo>(json), named);
  const connect = { echo: true, user: "u", pass: "ä", cluster: "C" };
  assert.deepEqual(readPeerJson<PeerConnect>(peerConnectLine(connect).toString("utf8", 8)), connect);
});

test("JSON that is none of an object, or has fields of another type, is refused", () => {
  const wrong = [
    "",
    "{",
    "null",
    "[]",
    '"x"',
    '{"server_id":1}',
    '{"port":"1"}',
    '{"port":1.5}',
    '{"port":9007199254740993}',
    '{"headers":1}',
    '{"connect_urls":"h:1"}',
    '{"connect_urls":[1]}',
    '{"import":[]}',
    '{"route_pool_idx":true}',
    '{"user":{}}',
    '{"cluster":"A SECRET x"}',
    '{"cluster":"A\\r\\nRS+\\tSECRET\\t>"}',
    '{"gateway":"A\\tB"}',
  ];
  for (const json of wrong) assert.equal(readPeerJson(json), undefined, json);
});

test("fields that are not known are passed over, and null counts as absent", () => {
  const read = readPeerJson('{"server_id":"N","later":{"a":[1]},"ip":null,"port":null}');
  assert.deepEqual(read, { server_id: "N", later: { a: [1] } });
});
