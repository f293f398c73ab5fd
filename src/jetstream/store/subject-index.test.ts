// What the tree of subjects keeps.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SubjectIndex } from "./subject-index.js";

test("of subjects that are gone nothing stays in the tree, in whichever order they go", () => {
  for (const order of [
    ["a", "a.b"],
    ["a.b", "a"],
  ]) {
    const index = new SubjectIndex();
    for (const subject of ["a", "a.b", "c"]) index.add(subject);
    assert.equal(index.matching(["a.*"]).length, 1);
    for (const subject of order) index.remove(index.idOf(subject));
    assert.deepEqual([...(index["root"]?.children?.keys() ?? [])], ["c"], order.join());
  }
});
