import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { placeholdersToWildcards, SubjectTransform, TransformError, wildcardsToPlaceholders } from "./transform.js";

const half = () => 0.5;

function transform(source: string, destination: string, subject: string): string | undefined {
  return SubjectTransform.compile(source, destination).apply(subject, half);
}

function refusal(source: string, destination: string, strict = false): { code: string; message: string } {
  try {
    SubjectTransform.compile(source, destination, { strict });
  } catch (error) {
    assert.ok(error instanceof TransformError);
    return { code: error.code, message: error.message };
  }
  throw new assert.AssertionError({ message: `${source} to ${destination} was accepted` });
}

test("wildcards are placed, left out, swapped and kept", () => {
  assert.equal(transform("foo", "bar", "foo"), "bar");
  assert.equal(transform("foo", "bar", "foo.x"), undefined);
  assert.equal(transform("one.*", "one.out.$1", "one.abc"), "one.out.abc");
  assert.equal(transform("two.*.*", "two.{{wildcard(2)}}.{{ Wildcard( 1 ) }}", "two.a.b"), "two.b.a");
  assert.equal(transform("drop.*.*", "drop.$1", "drop.a.b"), "drop.a");
  assert.equal(transform("rest.>", "other.rest.>", "rest.a.b"), "other.rest.a.b");
  assert.equal(transform("mix.*.>", "mixed.$1.>", "mix.a.b.c"), "mixed.a.b.c");
  assert.equal(transform("swap.*", "$1.swapped", "swap.x"), "x.swapped");
  assert.equal(transform("a.>", ">", "a.b.c"), "b.c");
  assert.equal(transform(">", "all.>", "a.b"), "all.a.b");
  assert.equal(transform(">", ">", "a.b"), "a.b");
  assert.equal(transform(">", "all.>", "a..b"), undefined);
  assert.equal(transform("", "all.>", "a"), "all.a");
});

test("an empty destination changes nothing", () => {
  assert.equal(transform("a.*", "", "a.b"), "a.b");
  assert.equal(transform("$5.*", "", "$5.b"), "$5.b");
  assert.equal(transform("a.*", "", "b.b"), undefined);
  assert.equal(transform("a.*.>", "", "a.b.c.d"), "a.b.c.d");
});

test("wildcards of the published subject are text, and `>` is no token for `*`", () => {
  assert.equal(transform("o.*", "p.$1", "o.*"), "p.*");
  assert.equal(transform("o.*", "p.$1", "o.>"), undefined);
});

test("tokens that only look like placeholders stay", () => {
  assert.equal(transform("a.*", "$X.$.$1", "a.b"), "$X.$.b");
  assert.equal(transform("a.*", "b.{{}}", "a.b"), "b.{{}}");
  assert.equal(transform("a.*", "b.x{{left(1,2)}}", "a.b"), "b.x{{left(1,2)}}");
  assert.equal(transform("a.*", "b.{{split(1,.)}}", "a.b"), "b.{{split(1,.)}}");
  assert.equal(transform("a.*", "$+1", "a.b"), "b");
});

test("an index below 1 is the first token", () => {
  assert.equal(transform("w.*", "o.{{wildcard(0)}}.$-1", "w.x"), "o.w.w");
});

test("partition hashes the chosen tokens", () => {
  const parts = SubjectTransform.compile("part.*", "part.{{partition(5,1)}}.$1");
  const expected = ["part.0.a", "part.2.b", "part.3.foo", "part.2.bar", "part.2.0123456789", "part.4.gr\xc3\xbcn"];
  const subjects = ["part.a", "part.b", "part.foo", "part.bar", "part.0123456789", "part.gr\xc3\xbcn"];
  assert.deepEqual(
    subjects.map((subject) => parts.apply(subject, half)),
    expected,
  );
  assert.equal(
    transform("p.*.*", "q.{{partition(1000,1,2)}}", "p.fo.o"),
    transform("p.*", "q.{{partition(1000,1)}}", "p.foo"),
  );
  assert.equal(transform("partm.*", "pm.{{partition(5,0)}}", "partm.a"), "pm.2");
});

test("partition without tokens hashes the whole subject", () => {
  assert.equal(transform("partlit.a", "pl.{{partition(3)}}", "partlit.a"), "pl.0");
  assert.equal(transform("partlit.b", "pl.{{partition(7,1)}}", "partlit.b"), "pl.1");
  assert.equal(transform("partw.*", "pw.{{partition(5)}}.$1", "partw.a"), "pw.1.a");
  assert.equal(transform("partf.>", "pf.{{partition(5)}}.>", "partf.a.b.c"), "pf.1.a.b.c");
});

test("odd numbers of partitions", () => {
  assert.equal(transform("partz.*", "pz.{{partition(0,1)}}", "partz.a"), "pz.0");
  assert.equal(transform("partn.*", "pn.{{partition(-5,1)}}", "partn.a"), "pn.3826002220");
});

test("random", () => {
  const draw = SubjectTransform.compile("a", "b.{{random(3)}}");
  assert.deepEqual(
    [0, 0.34, 0.99].map((value) => draw.apply("a", () => value)),
    ["b.0", "b.1", "b.2"],
  );
  assert.equal(transform("a.*", "b.{{Random( -4 )}}", "a.x"), "b.2");
  assert.equal(transform("a", "b.{{random(0)}}", "a"), "b.0");
});

test("split drops an empty piece at the start and empty pieces between", () => {
  const results = ["a-b", "-a-b-", "a", "a--b", "--a"].map((token) =>
    transform("s.*", "t.{{split(1,-)}}", `s.${token}`),
  );
  assert.deepEqual(results, ["t.a.b", "t.a.b", "t.a", "t.a.b", "t..a"]);
  assert.equal(transform("s.*", "t.{{split(1,-)}}", "s.-"), "t.");
  assert.equal(transform("s.*", "{{split(1,-)}}", "s.-"), undefined);
  assert.equal(transform("s.*", "t.{{split(1,ab)}}", "s.abcabd"), "t.c.d");
  assert.equal(transform("s.*", "t.{{split(1,)}}", "s.gr\xc3\xbcn"), "t.g.r.\xc3\xbc.n");
});

test("cutting at a position", () => {
  const cut = (name: string, count: number, token: string) => transform("c.*", `{{${name}(1,${count})}}`, `c.${token}`);
  assert.equal(cut("splitfromleft", 3, "abcdef"), "abc.def");
  assert.equal(cut("SplitFromLeft", 3, "abc"), "abc");
  assert.equal(cut("Splitfromleft", 0, "abc"), "abc");
  assert.equal(cut("splitfromright", 1, "abc"), "ab.c");
  assert.equal(cut("slicefromleft", 2, "abcdefg"), "ab.cd.ef.g");
  assert.equal(cut("slicefromleft", 2, "abcd"), "ab.cd");
  assert.equal(cut("slicefromright", 3, "abcdefgh"), "ab.cde.fgh");
  assert.equal(cut("slicefromright", 2, "abcd"), "ab.cd");
  assert.equal(cut("left", 2, "abc"), "ab");
  assert.equal(cut("right", 2, "abc"), "bc");
  assert.equal(cut("left", -2, "abc"), "abc");
  assert.equal(cut("right", 9, "abc"), "abc");
});

test("several calls in one token: the first known one in the order of the table counts", () => {
  assert.equal(transform("t.*.*", "t.{{left(1,1)}}{{right(2,2)}}", "t.abc.def"), "t.ef");
  assert.equal(transform("t.*.*", "t.{{wildcard(1)}}{{x}}", "t.q.w"), "t.q");
});

test("what is refused, and how it reads", () => {
  const mapping = "invalid mapping destination: ";
  const cases: [string, string, string, string][] = [
    ["x.*", "y.$2", "INDEX_OUT_OF_RANGE", `${mapping}wildcard index out of range in $2: [2]`],
    ["x.*", "y.{{left(2,1)}}", "INDEX_OUT_OF_RANGE", `${mapping}wildcard index out of range in {{left(2,1)}}: [2]`],
    ["x", "y.$1", "INDEX_OUT_OF_RANGE", `${mapping}wildcard index out of range in $1`],
    ["x", "y.{{left(1,1)}}", "INDEX_OUT_OF_RANGE", `${mapping}wildcard index out of range in {{left(1,1)}}`],
    ["x.>", "y", "INVALID_SUBJECT", "invalid subject"],
    ["x", "y.>", "INVALID_SUBJECT", "invalid subject"],
    ["x.*", "y.*", "INVALID_SUBJECT", "invalid subject"],
    ["x..y", "y", "INVALID_SUBJECT", "invalid subject"],
    ["x..y", "", "INVALID_SUBJECT", "invalid subject"],
    ["x", "a..b", "INVALID_DESTINATION", `${mapping}invalid transform`],
    ["x", "a b", "INVALID_DESTINATION", `${mapping}invalid transform`],
    ["x.>", "y.>.c", "INVALID_DESTINATION", `${mapping}invalid transform in c`],
    ["x.*", "y.{{foo(1)}}", "UNKNOWN_FUNCTION", `${mapping}unknown function in {{foo(1)}}`],
    ["x.*", "y.{{LEFT(1,2)}}", "UNKNOWN_FUNCTION", `${mapping}unknown function in {{LEFT(1,2)}}`],
    ["x.*", "y.{{SplitFROMleft(1,2)}}", "UNKNOWN_FUNCTION", `${mapping}unknown function in {{SplitFROMleft(1,2)}}`],
  ];
  for (const [source, destination, code, message] of cases) {
    assert.deepEqual(refusal(source, destination), { code, message }, `${source} to ${destination}`);
  }
  const notEnough = ["left(1)", "split(1)", "wildcard()", "random(5,1)"];
  const tooMany = ["left(1,2,3)", "split(1,a,b)", "wildcard(1,2)"];
  const wrong = [
    "wildcard(x)",
    "slicefromleft(1,a)",
    "left(1,99999999999)",
    "left(x,1)",
    "split(1,- )",
    "split(y,-)",
    "partition()",
    "partition(3000000000,1)",
    "partition(3,x)",
    "random()",
    "wildcard(99999999999999999999)",
  ];
  for (const call of notEnough) assert.equal(refusal("x.*", `y.{{${call}}}`).code, "NOT_ENOUGH_ARGUMENTS", call);
  for (const call of tooMany) assert.equal(refusal("x.*", `y.{{${call}}}`).code, "TOO_MANY_ARGUMENTS", call);
  for (const call of wrong) assert.equal(refusal("x.*", `y.{{${call}}}`).code, "INVALID_ARGUMENT", call);
});

test("strict transforms use every wildcard and nothing else", () => {
  assert.equal(refusal("x.*", "y.{{left(1,2)}}", true).code, "NOT_REVERSIBLE");
  assert.equal(refusal("x.*.*", "y.$1", true).code, "UNUSED_WILDCARDS");
  assert.equal(SubjectTransform.compile("x.*.*", "y.$2.$1", { strict: true }).apply("x.a.b", half), "y.b.a");
});

test("the inverse leads back", () => {
  const back = (source: string, destination: string, subject: string) => {
    const there = SubjectTransform.compile(source, destination);
    return there.inverse()?.apply(there.apply(subject, half) ?? "", half);
  };
  assert.equal(back("a", "b.c", "a"), "a");
  assert.equal(back("a.*", "$1.b", "a.x"), "a.x");
  assert.equal(back("a.*.*.*", "b.$2.$3.$1", "a.x.y.z"), "a.x.y.z");
  assert.equal(back("a.*.>", "b.c.$1.>", "a.x.y.z"), "a.x.y.z");
  assert.equal(back("$1.*", "q.$1", "$1.x"), "$1.x");
  const inverse = SubjectTransform.compile("a.*.*.*", "b.$2.$3.$1").inverse();
  assert.equal(inverse?.source, "b.*.*.*");
  assert.equal(inverse?.destination, "a.$3.$1.$2");
  assert.equal(SubjectTransform.compile("a.*.*", "b.$1").inverse(), undefined);
  assert.equal(SubjectTransform.compile("a.*", "b.{{left(1,1)}}").inverse(), undefined);
  assert.equal(SubjectTransform.compile("a.*", "b.$1.$0").inverse(), undefined);
});

test("wildcards to placeholders and back", () => {
  assert.equal(wildcardsToPlaceholders("foo.*.x.*.>"), "foo.$1.x.$2.>");
  assert.equal(placeholdersToWildcards("foo.$2.{{wildcard(1)}}.$X.{{left(1,1)}}"), "foo.*.*.$X.{{left(1,1)}}");
});

test("a compiled transform never throws, and strict ones lead back", () => {
  const token = fc.constantFrom(
    "a",
    "*",
    ">",
    "",
    "$1",
    "$2",
    "$0",
    "{{wildcard(1)}}",
    "{{split(1,-)}}",
    "{{split(1,)}}",
    "{{partition(3,1,2)}}",
    "{{partition(2)}}",
    "{{slicefromright(2,2)}}",
    "{{splitfromleft(1,-1)}}",
    "{{right(1,1)}}",
    "{{random(7)}}",
    "{{left(1)}}",
  );
  const subject = fc.array(token, { maxLength: 4 }).map((tokens) => tokens.join("."));
  const published = fc.string({ unit: fc.constantFrom("a", "b", ".", "-", "*", "\xff"), maxLength: 8 });
  let compiled = 0;
  fc.assert(
    fc.property(subject, subject, published, fc.boolean(), (source, destination, text, strict) => {
      let found: SubjectTransform;
      try {
        found = SubjectTransform.compile(source, destination, { strict });
      } catch (error) {
        assert.ok(error instanceof TransformError);
        return;
      }
      compiled++;
      const result = found.apply(text, half);
      assert.notEqual(result, "");
      const inverse = found.inverse();
      if (result !== undefined && inverse !== undefined && result !== text) {
        assert.equal(inverse.apply(result, half), text);
      }
    }),
    { numRuns: 5000 },
  );
  assert.ok(compiled > 100);
});
