import assert from "node:assert/strict";
import { test } from "node:test";
import { isFromNetwork, isNetwork } from "./source-networks.js";

test("networks and what is none", () => {
  for (const good of [
    "0.0.0.0/0",
    "10.1.2.3/8",
    "127.0.0.1/32",
    "::/0",
    "2001:db8::/32",
    "::ffff:1.2.3.4/128",
    "fe80::1/64",
  ]) {
    assert.equal(isNetwork(good), true, good);
  }
  const bad = [
    "",
    "10.0.0.0",
    "10.0.0/8",
    "10.0.0.0/33",
    "256.0.0.0/8",
    "01.0.0.0/8",
    "::/129",
    "1::2::3/8",
    "x/8",
    "12345::/8",
  ];
  for (const text of bad) assert.equal(isNetwork(text), false, text);
});

test("addresses in networks", () => {
  const inside: [string, string][] = [
    ["127.0.0.1", "127.0.0.0/8"],
    ["10.255.255.255", "10.0.0.0/8"],
    ["192.168.17.5", "192.168.16.0/20"],
    ["1.2.3.4", "0.0.0.0/0"],
    ["::ffff:10.0.0.1", "10.0.0.0/8"],
    ["2001:db8:1::5", "2001:db8::/32"],
    ["::1", "::1/128"],
    ["fe80::1%eth0", "fe80::/10"],
  ];
  for (const [address, network] of inside) assert.equal(isFromNetwork(address, ["9.9.9.9/32", network]), true, address);
  const outside: [string, string][] = [
    ["128.0.0.1", "127.0.0.0/8"],
    ["192.168.32.5", "192.168.16.0/20"],
    ["::1", "127.0.0.0/8"],
    ["127.0.0.1", "::/0"],
    ["2001:db9::5", "2001:db8::/32"],
    ["", "0.0.0.0/0"],
    ["host", "0.0.0.0/0"],
  ];
  for (const [address, network] of outside) assert.equal(isFromNetwork(address, [network]), false, address);
});
