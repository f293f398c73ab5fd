// What a server says over gateways, line by line, to peers that the test plays: servers of before 2.9, and such as misbehave.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_LIMITS } from "../src/accounts/account.js";
import { gatewayHash } from "../src/server/peers/way-back.js";
import type { Server } from "../src/server/server.js";
import { accept, heard, interestCommand, OLD_INFO, PEER_URL, startWithGateway } from "./support/scripted-gateway.js";
import { payloadsOf } from "./support/simulated-super-cluster.js";

const accounts = { X: { users: [{ user: "x", password: "x" }] }, Y: { users: [{ user: "y", password: "y" }] } };
const toOld = { gateways: [{ name: "OLD", url: PEER_URL }] };
const X = { user: "x", pass: "x" };
const Y = { user: "y", pass: "y" };
/** All INFO that came as JSON. */
const infos = (text: string): Record<string, unknown>[] =>
  [...text.matchAll(/INFO (\{.*?\})\s*\r\n/g)].map(([, json]) => JSON.parse(json) as Record<string, unknown>);

/** How messages of each account go to the cluster that was dialled, and how many subjects of it are refused. */
function modes({ server }: { readonly server: Server }): Record<string, string> {
  const outbound = server.reports.gateways().find(({ solicited }) => solicited);
  const shown = (outbound?.accounts() ?? []).filter(({ name }) => /^[XY]$/.test(name));
  return Object.fromEntries(shown.map(({ name, mode, unwanted }) => [name, `${mode} ${unwanted.length}`]));
}

test("the side that accepts introduces itself first, then tells all interest of each account between two commands", async () => {
  const world = await startWithGateway({}, { accounts });
  const client = await world.login(X);
  client.send("SUB foo 1\r\nSUB bar.* q 2\r\nSUB bar.* q 3\r\n");
  const peer = await world.dial();
  const [{ server_id, gateway, gateway_urls, gateway_url, gateway_nrp, gateway_iom, port }] = infos(peer.received);
  assert.equal(server_id, world.server.id);
  assert.deepEqual([gateway, gateway_url, gateway_nrp, gateway_iom, port], ["HERE", "10.0.0.1:7222", true, true, 7222]);
  assert.deepEqual(gateway_urls, ["10.0.0.1:7222"]);
  peer.received = "";
  peer.send(`CONNECT {"name":"NOLD","gateway":"OLD"}\r\nINFO ${JSON.stringify(OLD_INFO)}\r\n`);
  await world.settle();
  const commands = infos(peer.received).filter((info) => "gateway_cmd_payload" in info);
  const accountOf = (payload: unknown): string => Buffer.from(String(payload), "base64").toString();
  const shown = commands.map(
    ({ gateway_cmd, gateway_cmd_payload }) => `${gateway_cmd} ${accountOf(gateway_cmd_payload)}`,
  );
  assert.deepEqual(shown, ["2 $G", "3 $G", "2 $SYS", "3 $SYS", "2 X", "3 X", "2 Y", "3 Y"]);
  const part = peer.received.slice(peer.received.indexOf('"WA=="'), peer.received.lastIndexOf('"WA=="'));
  assert.deepEqual(part.match(/^RS\+ .*$/gm), ["RS+ X foo", "RS+ X bar.* q 1"]);
});

test("interest is told once while somebody has it, a queue group's weight stays 1", async () => {
  const world = await startWithGateway({}, { accounts });
  const peer = await world.dialAs(OLD_INFO);
  const client = await world.login(X);
  const say = async (lines: string): Promise<string[]> => {
    client.send(lines);
    await world.settle();
    return heard(peer);
  };
  heard(peer);
  assert.deepEqual(await say("SUB a 1\r\nSUB a 2\r\nSUB a q 3\r\nSUB a q 4\r\n"), ["RS+ X a", "RS+ X a q 1"]);
  assert.deepEqual(await say("UNSUB 1\r\nUNSUB 3\r\n"), []);
  assert.deepEqual(await say("UNSUB 4\r\nUNSUB 2\r\n"), ["RS- X a q", "RS- X a"]);
});

test("a server of before 2.9 is sent everything but what it refuses, and only what it wants once it has told that", async () => {
  const world = await startWithGateway(toOld, { accounts });
  const peer = await accept(world);
  peer.send(`INFO ${JSON.stringify(OLD_INFO)}\r\n`);
  await world.settle();
  assert.match(peer.take(), /^CONNECT \{.*"gateway":"HERE".*\}\r\nINFO\r\n(PING\r\n)?$/);
  const [x, y] = [await world.login(X), await world.login(Y)];
  const publish = async (...subjects: string[]): Promise<string[]> => {
    for (const subject of subjects) x.send(`PUB ${subject} 0\r\n\r\n`);
    await world.settle();
    return heard(peer);
  };
  assert.deepEqual(await publish("foo", "bar"), ["RMSG X foo 0", "RMSG X bar 0"]);
  peer.send("RS- X foo\r\nRS+ X bar w 1\r\n");
  await world.settle();
  assert.deepEqual(await publish("foo", "bar"), ["RMSG X bar | w 0"]);
  assert.deepEqual(modes(world), { X: "Optimistic 1", Y: "Optimistic 0" });
  peer.send("RS+ X foo\r\n");
  await world.settle();
  assert.deepEqual(await publish("foo"), ["RMSG X foo 0"]);
  peer.send("RS- X foo.a\r\nRS- X foo.b\r\nRS+ X foo.*\r\n");
  await world.settle();
  assert.deepEqual(await publish("foo.a", "foo.b"), ["RMSG X foo.a 0", "RMSG X foo.b 0"]);
  peer.send("A- X\r\n");
  await world.settle();
  assert.deepEqual(await publish("foo", "bar"), ["RMSG X bar | w 0"]);
  y.send("PUB other 0\r\n\r\n");
  await world.settle();
  assert.deepEqual(heard(peer), ["RMSG Y other 0"]);
  peer.send("A+ X\r\n");
  await world.settle();
  assert.deepEqual(await publish("foo"), ["RMSG X foo 0"]);
  peer.send(interestCommand("OLD", 2, "X"));
  await world.settle();
  assert.deepEqual(await publish("more"), ["RMSG X more 0"]);
  peer.send(`RS+ X keep\r\nRS+ X bar w 1\r\n${interestCommand("OLD", 3, "X")}`);
  await world.settle();
  assert.deepEqual(await publish("foo", "more", "keep", "bar"), ["RMSG X keep 0", "RMSG X bar | w 0"]);
  assert.deepEqual(modes(world), { X: "Interest-Only 0", Y: "Optimistic 0" });
});

test("subjects that an old server refuses are remembered up to a limit", async () => {
  const world = await startWithGateway(toOld, { accounts });
  const peer = await accept(world);
  peer.send(`INFO ${JSON.stringify(OLD_INFO)}\r\n`);
  await world.settle();
  for (let i = 0; i < 100_000; i += 1000) {
    peer.send(Array.from({ length: 1000 }, (_, n) => `RS- X no.${i + n}\r\n`).join(""));
    await world.settle();
  }
  assert.deepEqual(modes(world), { X: "Optimistic 10000", Y: "Optimistic 0" });
  heard(peer);
  const client = await world.login(X);
  client.send("PUB no.5 0\r\n\r\nPUB no.99999 0\r\n\r\n");
  await world.settle();
  assert.deepEqual(heard(peer), ["RMSG X no.5 0"]);
});

test("an account that is not here is refused to an old server, and told when it comes", async () => {
  const world = await startWithGateway({}, { accounts });
  const peer = await world.dialAs(OLD_INFO);
  heard(peer);
  peer.send("RMSG Z foo 0\r\n\r\n");
  await world.settle();
  assert.deepEqual(heard(peer), ["A- Z"]);
  world.server.accounts.define("Z", { limits: NO_LIMITS, mappings: {}, exports: [], imports: [] });
  await world.settle();
  const payloads = infos(peer.received).map(({ gateway_cmd, gateway_cmd_payload }) => [
    gateway_cmd,
    gateway_cmd_payload,
  ]);
  assert.deepEqual(payloads, [
    [2, "Wg=="],
    [3, "Wg=="],
  ]);
});

test("messages from another cluster reach who wants them here, and one member of the groups that they name", async () => {
  const world = await startWithGateway({}, { accounts });
  const client = await world.login(X);
  client.send("SUB foo 1\r\nSUB foo q 2\r\nSUB foo other 3\r\n");
  const peer = await world.dialAs({ ...OLD_INFO, gateway_iom: true });
  peer.send("RMSG X foo 1\r\na\r\nRMSG X foo | q 1\r\nb\r\nRMSG Y foo 1\r\nc\r\nRMSG NONE foo 1\r\nd\r\n");
  peer.send("HMSG X foo re.ply 12 13\r\nNATS/1.0\r\n\r\ne\r\n");
  await world.settle();
  assert.deepEqual(payloadsOf(client), ["a", "b", "b", "e"]);
  assert.deepEqual(
    heard(peer).filter((line) => line.startsWith("A-")),
    [],
  );
});

test("the reply subject of a request from another cluster is shown without its way back, which the answer takes", async () => {
  const world = await startWithGateway(toOld, { accounts });
  const outbound = await accept(world);
  outbound.send(`INFO ${JSON.stringify({ ...OLD_INFO, gateway_iom: true })}\r\n`);
  const inbound = await world.dialAs({ ...OLD_INFO, gateway_iom: true });
  const service = await world.login(X);
  service.send("SUB svc 1\r\n");
  await world.settle();
  heard(outbound);
  const way = `_GR_.${gatewayHash("OLD")}.abcdef.`;
  inbound.send(`RMSG X svc ${way}_INBOX.1 2\r\nhi\r\n`);
  await world.settle();
  assert.equal(service.take(), "MSG svc 1 _INBOX.1 2\r\nhi\r\n");
  service.send("PUB _INBOX.1 2\r\nok\r\n");
  await world.settle();
  assert.deepEqual(heard(outbound), [`RMSG X ${way}_INBOX.1 2`, "ok"]);
  // The interest has come: the answer is sent once, still on its way back, and after some seconds as any other message.
  outbound.send("RS+ X _INBOX.1\r\n");
  await world.settle();
  service.send("PUB _INBOX.1 2\r\nok\r\n");
  await world.settle();
  assert.deepEqual(heard(outbound), [`RMSG X ${way}_INBOX.1 2`, "ok"]);
  await world.settle(6_000);
  service.send("PUB _INBOX.1 2\r\nok\r\n");
  await world.settle();
  assert.deepEqual(heard(outbound), ["RMSG X _INBOX.1 2", "ok"]);
});

test("requests take a way back along while other clusters may not know of the subscription for answers", async () => {
  const world = await startWithGateway(toOld, { accounts });
  const outbound = await accept(world);
  outbound.send(`INFO ${JSON.stringify({ ...OLD_INFO, gateway_iom: true })}\r\nRS+ X svc\r\n`);
  const inbound = await world.dialAs({ ...OLD_INFO, gateway_iom: true });
  const client = await world.login(X);
  heard(outbound);
  client.send("SUB _INBOX.1.* 1\r\nPUB svc _INBOX.1.a 0\r\n\r\nPUB svc other 0\r\n\r\n");
  await world.settle();
  const [mapped, , unmapped] = outbound.take().split("\r\n");
  const [, way] = /^RMSG X svc (_GR_\.\w{6}\.\w{6}\.)_INBOX\.1\.a 0$/.exec(mapped) ?? [];
  assert.ok(way, mapped);
  assert.equal(unmapped, "RMSG X svc other 0");
  inbound.send(`RMSG X ${way}_INBOX.1.a 2\r\nok\r\nRMSG Y ${way}_INBOX.1.a 2\r\nno\r\n`);
  await world.settle();
  assert.equal(client.take(), "MSG _INBOX.1.a 1 2\r\nok\r\n");
  await world.settle(3_000);
  client.send("PUB svc _INBOX.1.b 0\r\n\r\n");
  await world.settle();
  assert.deepEqual(heard(outbound), ["RMSG X svc _INBOX.1.b 0"]);
});

test("whoever does not keep to the protocol is told so and closed", async () => {
  const world = await startWithGateway({ rejectUnknown: true, ...toOld }, { accounts });
  const says = async (greeting: string, ...lines: string[]): Promise<string> => {
    const peer = await world.dial();
    peer.received = "";
    peer.send(`${greeting}${lines.join("\r\n")}\r\n`);
    await world.settle();
    assert.ok(peer.ended || peer.closed, lines.join());
    return /-ERR '(.*)'/.exec(peer.received)?.[1] ?? "";
  };
  const connect = 'CONNECT {"gateway":"OLD"}\r\n';
  const introduced = `${connect}INFO ${JSON.stringify(OLD_INFO)}\r\n`;
  assert.equal(await says("", 'CONNECT {"name":"x"}'), "attempted to connect to gateway port");
  assert.equal(await says("", 'CONNECT {"gateway":"WHO"}'), 'Connection to gateway "HERE" rejected');
  assert.equal(await says("", 'CONNECT {"gateway":"HERE"}'), 'Connection to gateway "HERE" rejected');
  assert.equal(await says("", `INFO ${JSON.stringify(OLD_INFO)}`), "Authorization Violation");
  assert.equal(await says("", "RMSG X a 0", ""), "Authorization Violation");
  assert.equal(await says(connect, "RMSG X a 0", ""), "Authorization Violation");
  assert.equal(await says("", "CONNECT nonsense"), "Unknown Protocol Operation");
  assert.equal(await says("", 'CONNECT {"gateway":7}'), "Unknown Protocol Operation");
  assert.match(
    await says(connect, 'INFO {"gateway":"ELSE"}'),
    /^Connection from "HERE" rejected, wanted to connect to "OLD"/,
  );
  assert.equal(await says(introduced, "RS+ X a"), "Received RS+ from gateway on inbound connection");
  assert.equal(await says(introduced, "A- X"), "Received A- from gateway on inbound connection");
  assert.equal(await says(introduced, "SUB a 1"), "Unknown Protocol Operation");
  assert.equal(await says(introduced, "LMSG o X a 0 0", ""), "Unknown Protocol Operation");
  assert.equal(await says(introduced, 'CONNECT {"gateway":"OLD"}'), "Unknown Protocol Operation");
  assert.equal(await says(introduced, "RMSG X a 99999999"), "Maximum Payload Violation");
  assert.equal(await says(introduced, 'INFO {"gateway":"OLD","gateway_cmd":9}'), "Unknown gateway command 9");
  assert.equal(await says(introduced, `RMSG X ${"a".repeat(2_000_000)}`), "maximum control line exceeded");
  const silent = await world.dial();
  await world.settle(2_500);
  assert.match(silent.received, /-ERR 'Authentication Timeout'/);
});

test("a side that was dialled and does not keep to the protocol is told so and closed", async () => {
  const answers = async (...lines: string[]): Promise<string> => {
    const world = await startWithGateway(toOld, { accounts });
    const peer = await accept(world);
    peer.send(`${lines.join("\r\n")}\r\n`);
    await world.settle();
    assert.ok(peer.ended || peer.closed, lines.join());
    return /-ERR '(.*)'/.exec(peer.received)?.[1] ?? "";
  };
  const info = `INFO ${JSON.stringify(OLD_INFO)}`;
  const client = '{"server_id":"N","version":"2.15.1","host":"h","port":4222,"headers":true,"max_payload":1,"proto":1}';
  assert.equal(await answers(`INFO ${client}`), 'Attempt to connect to gateway "OLD" using wrong port');
  assert.equal(
    await answers(`INFO ${JSON.stringify({ ...OLD_INFO, gateway: "ELSE" })}`),
    'Connection from "HERE" rejected, wanted to connect to "OLD", this is "ELSE"',
  );
  assert.equal(await answers("CONNECT {}"), "Unknown Protocol Operation");
  assert.equal(await answers("RS+ X a"), "Authorization Violation");
  assert.equal(await answers(info, "RMSG X a 0", ""), "Received RMSG from gateway on outbound connection");
  assert.equal(await answers(info, "RS+ X a..b"), "Unknown Protocol Operation");
  assert.equal(await answers(info, "RS+ X"), "Unknown Protocol Operation");
  assert.equal(await answers(info, "RS- X a b c d"), "Unknown Protocol Operation");
  assert.equal(await answers(info, "A- X Y"), "Unknown Protocol Operation");
});
