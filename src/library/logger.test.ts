import assert from "node:assert/strict";
import { test } from "node:test";
import { LibraryLogger } from "./logger.js";

const unexpected = (error: Error): never => {
  throw error;
};

test("lines go to the methods that are there, fatal ones to error where it has no own", () => {
  const lines: string[] = [];
  const logger = new LibraryLogger({ error: (line) => lines.push(`error ${line}`) }, unexpected);
  logger.info("a");
  logger.warn("b");
  logger.error("c");
  logger.fatal("d");
  assert.deepEqual(lines, ["error c", "error d"]);
});

test("debug and trace lines come when both the options and the logger want them", () => {
  const lines: string[] = [];
  const logger = new LibraryLogger({ debug: (line) => lines.push(line) }, unexpected);
  logger.debug("no");
  logger.setLevels({ debug: true, trace: true });
  assert.deepEqual([logger.debugOn, logger.traceOn], [true, false]);
  logger.debug("yes");
  logger.trace("no");
  assert.deepEqual(lines, ["yes"]);
});

test("a logger that throws harms nobody", () => {
  const errors: string[] = [];
  const failing = {
    info() {
      throw new Error("disk full");
    },
  };
  new LibraryLogger(failing, (error) => errors.push(error.message)).info("a");
  assert.deepEqual(errors, ["disk full"]);
});

test("methods keep their object", () => {
  class Recorder {
    lines: string[] = [];
    info(line: string): void {
      this.lines.push(line);
    }
  }
  const recorder = new Recorder();
  new LibraryLogger(recorder, unexpected).info("a");
  assert.deepEqual(recorder.lines, ["a"]);
});
