// The reference page of all options, in Markdown, from the table.
import type { Block, Kind, Option } from "./kinds.js";
import { serverTable } from "./table.js";
import { authorization, compression, permissions, subjectRules, tls, user } from "./table-blocks.js";

const SHARED_TITLES = new Map<Block, string>([
  [authorization, "authorization"],
  [user, "authorization.users[]"],
  [permissions, "permissions"],
  [subjectRules, "permissions.pub, permissions.sub"],
  [compression, "compression"],
  [tls, "tls"],
]);

const INTRODUCTION = `# Options

Every option of the server. **Key** is its name in a configuration file, other names in brackets; keys ignore case.
**Library** is its name in the options of \`startServer\`, where durations are milliseconds (\`...Ms\`) and sizes bytes
(\`...Bytes\`). **Reload** tells whether a reload applies a change. This page is generated from the options table.
`;

const HEADER = `| Key | Library | Type | Default | Reload | |
| --- | --- | --- | --- | --- | --- |
`;

/** The page, with a table for every block; blocks that occur in many places come once. */
export function optionsPage(): string {
  const sections: { title: string; block: Block; reload: boolean }[] = [
    { title: "Top level", block: serverTable, reload: false },
  ];
  const titles = new Map<Block, string>([[serverTable, "Top level"]]);
  let page = INTRODUCTION;
  for (const { title, block, reload } of sections) {
    page += `\n## ${title}\n\n${HEADER}`;
    const path = block === serverTable ? "" : title;
    for (const [name, option] of Object.entries(block)) {
      const reloads = option.reload ?? reload;
      const inner = innerBlock(option.kind, path === "" ? option.key : `${path}.${option.key}`);
      if (inner && !titles.has(inner.block)) {
        const innerTitle = SHARED_TITLES.get(inner.block) ?? inner.path;
        titles.set(inner.block, innerTitle);
        sections.push({ title: innerTitle, block: inner.block, reload: reloads });
      }
      page += row(name, option, reloads, inner && titles.get(inner.block));
    }
  }
  return page;
}

function innerBlock(kind: Kind, path: string): { block: Block; path: string } | undefined {
  if (kind.kind === "block") return { block: kind.block, path };
  if (kind.kind === "list") return innerBlock(kind.of, `${path}[]`);
  if (kind.kind === "record") return innerBlock(kind.of, `${path}.NAME`);
  return undefined;
}

function row(name: string, option: Option, reloads: boolean, innerTitle: string | undefined): string {
  const aliases = (option.aliases ?? []).map((alias) => `\`${alias}\``).join(", ");
  const key = option.inFile === false ? "" : `\`${option.key}\`${aliases ? ` (${aliases})` : ""}`;
  const library = option.kind.kind === "address" ? "" : `\`${name}\``;
  const type = innerTitle
    ? `${typeName(option.kind)}, see [${innerTitle}](#${anchor(innerTitle)})`
    : typeName(option.kind);
  const status = option.status ? (option.status === "adds" ? " *Not built yet.*" : " *Not built yet: refused.*") : "";
  const own = option.own ? " *Natsnode's own; nats-server does not know it.*" : "";
  const cells = [key, library, type, defaultOf(option), reloads ? "yes" : "", option.doc + own + status];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
}

function anchor(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9 _-]/g, "")
    .replaceAll(" ", "-");
}

function defaultOf(option: Option): string {
  if (option.defaultText !== undefined) return option.defaultText;
  const { default: value, kind } = option;
  if (value === undefined || value === "" || typeof value === "object") return "";
  if (kind.kind === "duration") return durationText(value as number);
  if (kind.kind === "bytes" && (value as number) >= 1024) return sizeText(value as number);
  return String(value);
}

function durationText(ms: number): string {
  if (ms === 0 || ms % 1000 !== 0) return `${ms}ms`;
  return ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1000}s`;
}

function sizeText(bytes: number): string {
  return bytes % 1_048_576 === 0 ? `${bytes / 1_048_576}MB` : `${bytes / 1024}KB`;
}

function typeName(kind: Kind): string {
  switch (kind.kind) {
    case "text":
      return "string";
    case "bytes":
      return "size";
    case "duration":
      return kind.syntax === "seconds" ? "seconds or duration" : "duration";
    case "choice":
      return kind.of.map((word) => `\`${word}\``).join(", ");
    case "list":
      return kind.single ? `${typeName(kind.of)} or list` : `list of ${typeName(kind.of)}`;
    case "record":
      return `map of ${typeName(kind.of)}`;
    case "block":
      return "map";
    default:
      return kind.kind;
  }
}
