// What the configuration parser hands on: the file's values, each with the place it came from.

export interface Position {
  /** The file as it was named on the command line or in the include. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1. */
  readonly column: number;
}

interface Node {
  readonly position: Position;
}
export interface ConfigString extends Node {
  readonly kind: "string";
  readonly value: string;
}
/** A whole number, sizes already multiplied out. Bounds are those of a signed 64-bit integer. */
export interface ConfigInteger extends Node {
  readonly kind: "integer";
  readonly value: bigint;
}
export interface ConfigFloat extends Node {
  readonly kind: "float";
  readonly value: number;
}
export interface ConfigBoolean extends Node {
  readonly kind: "boolean";
  readonly value: boolean;
}
export interface ConfigDate extends Node {
  readonly kind: "date";
  /** Milliseconds since 1970. */
  readonly value: number;
}
export interface ConfigList extends Node {
  readonly kind: "list";
  readonly items: readonly ConfigNode[];
}
export interface ConfigMap extends Node {
  readonly kind: "map";
  /** In the order of the file; a key that comes again replaces the earlier one. Keys keep their case. */
  readonly entries: ReadonlyMap<string, ConfigEntry>;
}
export type ConfigNode =
  | ConfigString
  | ConfigInteger
  | ConfigFloat
  | ConfigBoolean
  | ConfigDate
  | ConfigList
  | ConfigMap;

export interface ConfigEntry {
  readonly key: string;
  readonly keyPosition: Position;
  readonly value: ConfigNode;
  /** True when some `$key` in the file took its value from here; such a key needs no other meaning. */
  usedAsVariable: boolean;
}
