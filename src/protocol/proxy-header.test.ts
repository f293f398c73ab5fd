import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ProxyHeader, ProxyHeaderError, readProxyHeader } from "./proxy-header.js";

const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

/** A header of version 2: version and command, family and protocol, data. */
function binary(command: number, family: number, data: Uint8Array, dataBytes = data.length): Buffer {
  const fixed = Buffer.from([command, family, dataBytes >> 8, dataBytes & 0xff]);
  return Buffer.concat([SIGNATURE, fixed, data]);
}

const ipv4 = (...more: number[]): Buffer => Buffer.from([192, 0, 2, 1, 10, 0, 0, 1, 0x30, 0x39, 0x10, 0x7e, ...more]);
const ipv6 = Buffer.from(`20010db8${"0".repeat(23)}1${"0".repeat(31)}13039107e`, "hex");
const line = (text: string): Buffer => Buffer.from(`PROXY ${text}\r\n`, "latin1");

function whole(bytes: Uint8Array): ProxyHeader {
  const header = readProxyHeader(bytes);
  assert.ok(typeof header !== "number");
  return header;
}

function failure(bytes: Uint8Array): string {
  try {
    return JSON.stringify(readProxyHeader(bytes));
  } catch (error) {
    assert.ok(error instanceof ProxyHeaderError);
    return `${error.code} ${error.message.replace(/^.*?: /, "")}`;
  }
}

test("version 1", () => {
  const read = (text: string): unknown => whole(line(text)).source;
  assert.deepEqual(read("TCP4 192.0.2.1 10.0.0.1 12345 4222"), { address: "192.0.2.1", port: 12_345 });
  assert.deepEqual(read("TCP6 2001:DB8:0::1 ::1 0 65535"), { address: "2001:db8::1", port: 0 });
  assert.deepEqual(read("TCP6 ::ffff:192.0.2.1 ::1 1 2"), { address: "192.0.2.1", port: 1 });
  assert.deepEqual(read(" TCP4  192.0.2.1\t10.0.0.1 007 1 "), { address: "192.0.2.1", port: 7 });
});

test("version 1 without an address", () => {
  for (const text of ["UNKNOWN", "UNKNOWN a b", "UNKNOWN ::1 ::1 1 1"]) {
    assert.deepEqual(readProxyHeader(line(text)), { bytes: line(text).length, source: undefined });
  }
});

test("version 1, malformed", () => {
  const faults: [string, string][] = [
    ["", "PROXY_HEADER_INVALID invalid v1 format"],
    ["TCP4 1.1.1.1 2.2.2.2 1", "PROXY_HEADER_INVALID invalid v1 format"],
    ["TCP4 1.1.1.1 2.2.2.2 1 2 3", "PROXY_HEADER_INVALID invalid v1 format"],
    ["TCP4 1.1.1 2.2.2.2 1 2", "PROXY_HEADER_INVALID invalid address"],
    ["TCP4 1.1.1.1 host 1 2", "PROXY_HEADER_INVALID invalid address"],
    ["TCP4 1.1.1.1 2.2.2.2 x 2", 'PROXY_HEADER_INVALID invalid source port "x"'],
    ["TCP4 1.1.1.1 2.2.2.2 1 65536", 'PROXY_HEADER_INVALID invalid dest port "65536"'],
    ["TCP4 1.1.1.1 2.2.2.2 -1 2", 'PROXY_HEADER_INVALID invalid source port "-1"'],
    ["TCP4 ::1 2.2.2.2 1 2", "PROXY_HEADER_INVALID TCP4 with IPv6 address"],
    ["TCP6 ::1 2.2.2.2 1 2", "PROXY_HEADER_INVALID TCP6 with IPv4 address"],
    ["UDP4 1.1.1.1 2.2.2.2 1 2", 'PROXY_HEADER_INVALID invalid protocol "UDP4"'],
    ["tcp4 1.1.1.1 2.2.2.2 1 2", 'PROXY_HEADER_INVALID invalid protocol "tcp4"'],
  ];
  for (const [text, expected] of faults) assert.equal(failure(line(text)), expected, text);
});

test("a line of version 1 has 107 bytes at most", () => {
  const longest = `UNKNOWN ${"x".repeat(107 - 6 - 8 - 2)}`;
  assert.equal(whole(line(longest)).bytes, 107);
  assert.equal(failure(line(`${longest}x`)), "PROXY_HEADER_INVALID v1 line too long");
  assert.equal(readProxyHeader(line(longest).subarray(0, 106)), 107);
  assert.equal(failure(Buffer.from(`PROXY ${"\n".repeat(101)}`)), "PROXY_HEADER_INVALID v1 line too long");
});

test("version 2", () => {
  assert.deepEqual(readProxyHeader(binary(0x21, 0x11, ipv4())), {
    bytes: 28,
    source: { address: "192.0.2.1", port: 12_345 },
  });
  const withMore = binary(0x21, 0x11, ipv4(4, 0, 1, 0));
  assert.deepEqual(readProxyHeader(Buffer.concat([withMore, Buffer.from("PING\r\n")])), {
    bytes: 32,
    source: { address: "192.0.2.1", port: 12_345 },
  });
  assert.deepEqual(readProxyHeader(binary(0x21, 0x21, ipv6)), {
    bytes: 52,
    source: { address: "2001:db8::1", port: 12_345 },
  });
});

test("version 2 without an address", () => {
  assert.deepEqual(readProxyHeader(binary(0x20, 0x00, ipv4(), 0)), { bytes: 16, source: undefined });
  assert.deepEqual(readProxyHeader(binary(0x20, 0xff, Buffer.alloc(3))), { bytes: 19, source: undefined });
  assert.deepEqual(readProxyHeader(binary(0x21, 0x01, Buffer.alloc(65_535))), { bytes: 65_551, source: undefined });
});

test("version 2, malformed or unsupported", () => {
  const faults: [Buffer, string][] = [
    [Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.from("x")]), "PROXY_HEADER_INVALID invalid signature"],
    [binary(0x11, 0x11, ipv4()), "PROXY_HEADER_INVALID invalid version 0x10"],
    [binary(0x22, 0x11, ipv4()), "PROXY_HEADER_INVALID unknown command 0x2"],
    [binary(0x21, 0x12, ipv4()), "PROXY_HEADER_UNSUPPORTED only STREAM protocol supported"],
    [binary(0x21, 0x00, ipv4()), "PROXY_HEADER_UNSUPPORTED only STREAM protocol supported"],
    [binary(0x21, 0x31, ipv4()), "PROXY_HEADER_UNSUPPORTED unsupported address family 0x30"],
    [binary(0x21, 0x11, ipv4().subarray(1)), "PROXY_HEADER_INVALID IPv4 address data too short: 11 bytes"],
    [binary(0x21, 0x21, ipv6.subarray(1)), "PROXY_HEADER_INVALID IPv6 address data too short: 35 bytes"],
  ];
  for (const [bytes, expected] of faults) assert.equal(failure(bytes), expected);
});

test("anything else is no header", () => {
  for (const text of ["CONNECT {}\r\n", "PING\r\n", "PROXY\t", "proxy TCP4", "\r\n\r\n\r\n", "\x16\x03\x01aaa"]) {
    assert.deepEqual(readProxyHeader(Buffer.from(text, "latin1")), { bytes: 0, source: undefined }, text);
  }
});

test("a header is read as soon as it is whole, and not before", () => {
  for (const header of [
    line("TCP4 192.0.2.1 10.0.0.1 12345 4222"),
    line("UNKNOWN"),
    binary(0x21, 0x21, ipv6),
    binary(0x20, 0, Buffer.alloc(5)),
  ]) {
    for (let end = 0; end < header.length; end++) {
      const needed = readProxyHeader(header.subarray(0, end));
      assert.ok(typeof needed === "number" && needed > end && needed <= header.length, `${end}: ${needed}`);
    }
    assert.equal(whole(header).bytes, header.length);
  }
});

test("any bytes: a header, none, a number of bytes, or a named error", () => {
  const start = fc.constantFrom(Buffer.from("PROXY "), SIGNATURE, binary(0x21, 0x11, Buffer.alloc(0), 12));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), (head, rest) => {
      const bytes = Buffer.concat([head, rest]);
      const outcome = failure(bytes);
      assert.match(outcome, /^(\d+|\{"bytes":\d+.*\}|PROXY_HEADER_(INVALID|UNSUPPORTED) .+)$/s);
      if (outcome.startsWith("{")) assert.ok(whole(bytes).bytes <= bytes.length);
    }),
  );
});
