// Arrays of numbers that grow.

/** `values` itself when it has room for `count` numbers, else a copy that has, and more. */
export function grown(values: Float64Array, count: number): Float64Array {
  if (count <= values.length) return values;
  const larger = new Float64Array(Math.max(count, values.length * 2));
  larger.set(values);
  return larger;
}
