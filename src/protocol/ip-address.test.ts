import assert from "node:assert/strict";
import { test } from "node:test";
import { ipAddressText, isMappedIpv4, parseIpAddress } from "./ip-address.js";

const shortest = (text: string): string | undefined => {
  const bytes = parseIpAddress(text);
  return bytes && ipAddressText(bytes);
};

test("addresses are read and written in their shortest form", () => {
  const forms: [string, string][] = [
    ["0.0.0.0", "0.0.0.0"],
    ["192.0.2.255", "192.0.2.255"],
    ["::", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:0DB8::0001", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["1::", "1::"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
  ];
  for (const [text, expected] of forms) assert.equal(shortest(text), expected, text);
});

test("what is no address", () => {
  const bad = ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.x", " 1.2.3.4", "+1.2.3.4", "localhost", ":"];
  const bad6 = [
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4::5:6:7:8",
    "12345::",
    "g::",
    "::1%eth0",
  ];
  const mixed = ["1.2.3.4::", "::1.2.3.4:5", "::1.2.3", "[::1]"];
  for (const text of [...bad, ...bad6, ...mixed]) assert.equal(parseIpAddress(text), undefined, text);
});

test("IPv4 in IPv6 clothes", () => {
  const isMapped = (text: string): boolean => isMappedIpv4(parseIpAddress(text) as number[]);
  assert.equal(isMapped("::ffff:10.0.0.1"), true);
  for (const text of ["10.0.0.1", "::10.0.0.1", "::fffe:10.0.0.1", "1::ffff:10.0.0.1"]) {
    assert.equal(isMapped(text), false, text);
  }
});
