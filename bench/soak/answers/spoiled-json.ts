// A request's JSON with one thing wrong, or odd: a number in another form, a value of another type, text that is no JSON.
import type { Draw } from "../../../test/simulation/draw.js";

const ODD_NUMBERS = [
  "1e3",
  "1.0",
  "1.5",
  "-0",
  "1E2",
  "0.5e1",
  "9223372036854775808",
  "18446744073709551616",
  "01",
  "+1",
];
const ODD_VALUES = ['"x"', "true", "null", "{}", "[]", "1", '""', "[1]", '["x"]', "nul", '"\\u00e9"', '"\\x"', "'x'"];
const ODD_ENDS = ["{", "}", "]", ",", "x", " ", "\n", "\u0000", "{}"];

export function spoiled(draw: Draw, json: string): string {
  const kind = draw.between(1, 5);
  if (kind === 1) return json.slice(0, draw.between(1, json.length - 1));
  if (kind === 2) return json + draw.pick(ODD_ENDS);
  const values = [
    ...json.matchAll(kind === 3 ? /(?<=:)-?\d+(?=[,}])/g : /(?<=:)(?:-?\d+|"[^"]*"|true|false)(?=[,}])/g),
  ];
  if (values.length === 0) return json.replace("{", "{,");
  const { index, 0: value } = draw.pick(values);
  const odd = draw.pick(kind === 3 ? ODD_NUMBERS : ODD_VALUES);
  if (kind === 5)
    return (
      json.slice(0, index) +
      value +
      draw.pick([",", ",,", ":1", " x", `,"Name":${odd}`]) +
      json.slice(index + value.length)
    );
  return json.slice(0, index) + odd + json.slice(index + value.length);
}
