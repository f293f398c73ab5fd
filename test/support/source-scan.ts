// Reads TypeScript well enough for the house rules: which characters are code, and what a file imports. Comments, strings,
// template text and regular expressions are blanked; the rest keeps its place, so offsets and line numbers still hold.

export interface ImportedModule {
  specifier: string;
  /** True when nothing of it is left at run time. */
  typeOnly: boolean;
  line: number;
}

export interface ScannedSource {
  /** The text with everything that is not code replaced by blanks (quotes stay, newlines too). */
  code: string;
  imports: ImportedModule[];
}

const WORDS_BEFORE_REGEX = new Set(
  "return typeof case in of do else void delete throw new await yield instanceof".split(" "),
);
const IMPORT_OR_EXPORT_FROM =
  /(?<![\w$.])(?:import|export)\s+(type\s+)?((?:[\w$]+\s*,?\s*)?(?:\*(?:\s*as\s+[\w$]+)?|\{[^}]*\})?)\s*from\s*(["'])( *)\3/g;
const BARE_IMPORT = /(?<![\w$.])(?:import|require)\s*\(?\s*(["'])( *)\1/g;

export function scanSource(text: string): ScannedSource {
  const code = blank(text);
  return { code, imports: findImports(text, code) };
}

/** The 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < offset; i = text.indexOf("\n", i + 1)) line++;
  return line;
}

function blank(text: string): string {
  const out = text.split("");
  const erase = (from: number, to: number): void => {
    for (let i = from; i < to && i < out.length; i++) if (out[i] !== "\n") out[i] = " ";
  };
  // One entry per template whose ${...} is open: how deep its braces are.
  const templates: number[] = [];
  let braces = 0;
  let i = 0;

  const templateText = (from: number): number => {
    let at = from;
    while (at < text.length && text[at] !== "`") {
      if (text[at] === "\\") at += 2;
      else if (text.startsWith("${", at)) break;
      else at++;
    }
    erase(from, at);
    if (text[at] !== "$") return at + 1;
    templates.push(braces);
    return at + 2;
  };

  while (i < text.length) {
    const char = text[i];
    if (text.startsWith("//", i)) {
      const end = lineEnd(text, i);
      erase(i, end);
      i = end;
      continue;
    }
    if (text.startsWith("/*", i)) {
      const close = text.indexOf("*/", i + 2);
      const end = close < 0 ? text.length : close + 2;
      erase(i, end);
      i = end;
      continue;
    }
    if (char === '"' || char === "'") {
      const end = quotedEnd(text, i);
      erase(i + 1, end - 1);
      i = end;
    } else if (char === "`") i = templateText(i + 1);
    else if (char === "/" && regexMayStart(out, i)) {
      const end = regexEnd(text, i);
      erase(i + 1, end);
      i = end;
    } else {
      if (char === "{") braces++;
      if (char === "}") {
        if (templates.at(-1) === braces) {
          templates.pop();
          i = templateText(i + 1);
          continue;
        }
        braces--;
      }
      i++;
    }
  }
  return out.join("");
}

/** Whether a slash at `at` starts a regular expression; `out` is blanked up to there. */
function regexMayStart(out: readonly string[], at: number): boolean {
  let end = at - 1;
  while (end >= 0 && /\s/.test(out[end])) end--;
  if (end < 0) return true;
  if (!/[\w$]/.test(out[end])) return !/[)\]}"'`]/.test(out[end]);
  let start = end;
  while (start > 0 && /[\w$]/.test(out[start - 1])) start--;
  return WORDS_BEFORE_REGEX.has(out.slice(start, end + 1).join(""));
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function quotedEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== text[start] && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function regexEnd(text: string, start: number): number {
  let inClass = false;
  for (let at = start + 1; at < text.length && text[at] !== "\n"; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "[") inClass = true;
    else if (text[at] === "]") inClass = false;
    else if (text[at] === "/" && !inClass) return at + 1;
  }
  return start + 1;
}

function findImports(text: string, code: string): ImportedModule[] {
  const found: ImportedModule[] = [];
  const add = (match: RegExpMatchArray, specifierLength: number, typeOnly: boolean): void => {
    const start = match.index ?? 0;
    const specifierEnd = start + match[0].length - 1;
    const specifier = text.slice(specifierEnd - specifierLength, specifierEnd);
    found.push({ specifier, typeOnly, line: lineAt(text, start) });
  };
  for (const match of code.matchAll(IMPORT_OR_EXPORT_FROM)) {
    add(match, match[4].length, match[1] !== undefined || everyNameIsType(match[2]));
  }
  for (const match of code.matchAll(BARE_IMPORT)) add(match, match[2].length, false);
  return found.sort((a, b) => a.line - b.line);
}

/** Whether a clause is `{ type A, type B }`. */
function everyNameIsType(clause: string): boolean {
  const named = /^\{([^}]*)\}$/.exec(clause.trim());
  const names = (named?.[1] ?? "").split(",").filter((name) => name.trim() !== "");
  return names.length > 0 && names.every((name) => /^\s*type\s/.test(name));
}
