import assert from "node:assert/strict";
import { test } from "node:test";
import { AwaitedAnswers } from "./awaited-answers.js";

function world(): { awaited: AwaitedAnswers; lost: string[]; wait: (subject: string) => () => void } {
  const awaited = new AwaitedAnswers();
  const lost: string[] = [];
  const wait = (subject: string) => {
    const notice = (): void => void lost.push(subject);
    awaited.add(subject, notice);
    return notice;
  };
  return { awaited, lost, wait };
}
const nobody = (): boolean => false;

test("all that wait under a subject hear that its interest has ended, once", () => {
  const { awaited, lost, wait } = world();
  wait("in.a");
  wait("in.a");
  wait("in.b");
  awaited.interestEnded("in.a", nobody);
  awaited.interestEnded("in.a", nobody);
  assert.deepEqual(lost, ["in.a", "in.a"]);
});

test("a wildcard ends the interest in all that it covers", () => {
  const { awaited, lost, wait } = world();
  for (const subject of ["in.a", "in.b", "out.a"]) wait(subject);
  awaited.interestEnded("in.*", nobody);
  assert.deepEqual(lost, ["in.a", "in.b"]);
});

test("another subscription keeps the interest", () => {
  const { awaited, lost, wait } = world();
  for (const subject of ["in.a", "in.b"]) wait(subject);
  awaited.interestEnded("in.>", (subject) => subject === "in.a");
  assert.deepEqual(lost, ["in.b"]);
  awaited.interestEnded("in.>", nobody);
  assert.deepEqual(lost, ["in.b", "in.a"]);
});

test("what was answered is not missed", () => {
  const { awaited, lost, wait } = world();
  const [answered] = [wait("in.a"), wait("in.a")];
  awaited.settled("in.a", answered);
  awaited.settled("in.b", answered);
  awaited.interestEnded("in.a", nobody);
  assert.deepEqual(lost, ["in.a"]);
});
