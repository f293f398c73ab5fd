// The JSON Schema of the library's options, from the table.
import type { Block, Kind, Option } from "./kinds.js";
import { serverTable } from "./table.js";

export type JsonSchema = { [key: string]: unknown };

/** Schema (draft 2020-12) of `ServerOptions`. Durations are numbers of milliseconds, sizes numbers of bytes. */
export function optionsSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "ServerOptions",
    ...blockSchema(serverTable),
  };
}

function blockSchema(block: Block): JsonSchema {
  const properties: JsonSchema = {};
  for (const [name, option] of Object.entries(block)) {
    if (option.kind.kind !== "address") properties[name] = optionSchema(option);
  }
  return { type: "object", additionalProperties: false, properties };
}

function optionSchema(option: Option): JsonSchema {
  const schema: JsonSchema = { description: option.doc, ...kindSchema(option.kind) };
  if (option.default !== undefined) schema.default = option.default;
  if (option.min !== undefined && !option.zeroIsDefault) schema.minimum = option.min;
  if (option.max !== undefined) schema.maximum = option.max;
  return schema;
}

function kindSchema(kind: Kind): JsonSchema {
  switch (kind.kind) {
    case "text":
    case "subject":
      return { type: "string" };
    case "boolean":
      return { type: "boolean" };
    case "integer":
    case "bytes":
      return { type: "integer" };
    case "duration":
      return { type: "number" };
    case "choice":
      return { enum: [...kind.of] };
    case "list":
      return { type: "array", items: kindSchema(kind.of) };
    case "record":
      return { type: "object", additionalProperties: kindSchema(kind.of) };
    case "block":
      return blockSchema(kind.block);
    case "address":
      throw new TypeError("an address is no option of the library");
  }
}
