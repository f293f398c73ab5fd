// Drill: 100,000 subscriptions, literal and with wildcards. Every publish reaches exactly those that match; after their
// UNSUB it reaches none.
import { type Drill, megabytes, must, mustBeHealthy } from "./drill.js";

const SUBSCRIPTIONS = 100_000;
const SHAPES = 5;
const GROUPS = SUBSCRIPTIONS / SHAPES;
const CHUNK = 2000;

/** The five subscriptions of a group; sid is group * 5 + shape. */
const subjectsOf = (group: number): string[] => [
  `one.${group}.two`,
  `one.${group}.*`,
  `*.${group}.two`,
  `one.${group}.>`,
  `deep.${group % 100}.${group}.*.end`,
];

/** A publish and the shapes of its group that match it. */
const publishes: readonly { subject: (group: number) => string; shapes: readonly number[] }[] = [
  { subject: (group) => `one.${group}.two`, shapes: [0, 1, 2, 3] },
  { subject: (group) => `one.${group}.other`, shapes: [1, 3] },
  { subject: (group) => `one.${group}.two.three`, shapes: [3] },
  { subject: (group) => `other.${group}.two`, shapes: [2] },
  { subject: (group) => `deep.${group % 100}.${group}.x.end`, shapes: [4] },
  { subject: (group) => `deep.${(group + 1) % 100}.${group}.x.end`, shapes: [] },
  { subject: (group) => `one.${group}`, shapes: [] },
];

export const subscriptions: Drill = {
  name: "subscriptions",
  async run(context) {
    const groups = context.settings.short ? 500 : GROUPS;
    const server = await context.startServer();
    const beforeBytes = server.residentBytes();
    const subscriber = await context.connect(server);
    const publisher = await context.connect(server);

    for (let first = 0; first < GROUPS; first += CHUNK) {
      let text = "";
      for (let group = first; group < first + CHUNK; group++) {
        for (const [shape, subject] of subjectsOf(group).entries())
          text += `SUB ${subject} ${group * SHAPES + shape}\r\n`;
      }
      subscriber.send(text);
      await subscriber.sync(30_000);
    }
    context.report(
      `${SUBSCRIPTIONS} subscriptions; memory ${megabytes(beforeBytes)} -> ${megabytes(server.residentBytes())}`,
    );

    const step = Math.floor(GROUPS / groups);
    for (let group = 0; group < GROUPS; group += step) {
      for (const { subject, shapes } of publishes) {
        const expected = shapes.map((shape) => `MSG ${subject(group)} ${group * SHAPES + shape} 2`).sort();
        publisher.send(`PUB ${subject(group)} 2\r\nhi\r\n`);
        await publisher.sync();
        const got = (await subscriber.sync()).map((item) => item.line).sort();
        must(got.join() === expected.join(), `${subject(group)}: expected ${expected.join()}, got ${got.join()}`);
      }
    }

    for (let first = 0; first < GROUPS; first += CHUNK) {
      let text = "";
      for (let sid = first * SHAPES; sid < (first + CHUNK) * SHAPES; sid++) text += `UNSUB ${sid}\r\n`;
      subscriber.send(text);
      await subscriber.sync(30_000);
    }
    for (const { subject } of publishes) publisher.send(`PUB ${subject(1)} 2\r\nhi\r\n`);
    await publisher.sync();
    const late = await subscriber.sync();
    must(late.length === 0, `after UNSUB came ${late[0]?.line}`);
    mustBeHealthy(server);
  },
};
