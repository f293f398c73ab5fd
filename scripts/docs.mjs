// Writes the generated pages of docs/reference from the table of options and the list of flags.
// usage: node scripts/docs.mjs
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { fail, projectRoot } from "./lib/project.mjs";

/**
 * The generated pages, their text by their path in the project.
 * @param parts `optionsPage` and `optionsSchema` of src/options, `FLAG_GROUPS` of src/cli/flags.ts
 */
export function referencePages({ optionsPage, optionsSchema, FLAG_GROUPS }) {
  return new Map([
    ["docs/reference/options.md", optionsPage()],
    ["docs/reference/options.schema.json", `${JSON.stringify(optionsSchema(), null, 2)}\n`],
    ["docs/reference/flags.md", flagsPage(FLAG_GROUPS)],
  ]);
}

const FLAGS_INTRODUCTION = `# Flags

Every flag of the program. One dash and two are the same, and a value follows after a blank or \`=\`. A boolean flag takes
a value only with \`=\` (\`-D=false\`). **Option** is the option that the flag sets, by its [library name](options.md); a flag
wins over the configuration file. **On a reload** a flag counts again, but those marked *file* give way to a setting of
the file. This page is generated from the program's list of flags.
`;

function flagsPage(groups) {
  let page = FLAGS_INTRODUCTION;
  for (const { title, flags } of groups) {
    page += `\n## ${title}\n\n| Flag | Value | Option | On a reload | |\n| --- | --- | --- | --- | --- |\n`;
    for (const { names, kind, value, help, option, yieldsOnReload } of flags) {
      const cells = [
        names.map((name) => `\`${dashed(name)}\``).join(", "),
        value === undefined ? kind : `\`${value}\``,
        option === undefined ? "" : `\`${option.join(".")}\``,
        yieldsOnReload ? "*file*" : "",
        `${help.replaceAll("<", "\\<")}.`,
      ];
      page += `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
    }
  }
  return page;
}

// As the program's own usage shows them.
const dashed = (name) => (name.length <= 2 || name === "DVV" ? `-${name}` : `--${name}`);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensureBuilt().catch((error) => fail(error.message));
  const load = (path) => import(pathToFileURL(join(projectRoot, "dist/src", path)).href);
  const [reference, schema, flags] = await Promise.all(
    ["options/reference.js", "options/schema.js", "cli/flags.js"].map(load),
  );
  mkdirSync(join(projectRoot, "docs/reference"), { recursive: true });
  for (const [path, text] of referencePages({ ...reference, ...schema, ...flags })) {
    writeFileSync(join(projectRoot, path), text);
    console.log(path);
  }
}
