/**
 * The source files of the repository and what they import, for the tests of the architecture.
 *
 * Reads import lines as text: static, dynamic and type-only.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, sep } from "node:path";

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface ImportLine {
  /** As written, without what follows a question mark. */
  readonly target: string;
  readonly typeOnly: boolean;
}

/** Every TypeScript file below these folders that is not made by a build. */
export function sourceFiles(folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
      .filter((entry) => !entry.name.endsWith(".d.ts"))
      .map((entry) => join(entry.parentPath, entry.name).split(sep).join("/"))
      .map((path) => ({ path, text: readFileSync(path, "utf8") })),
  );
}

export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

export function importsOf(code: string): ImportLine[] {
  const lines: ImportLine[] = [];
  const add = (target: string | undefined, typeOnly: boolean) => {
    if (target !== undefined) lines.push({ target: target.replace(/\?.*$/, ""), typeOnly });
  };
  const statement = /\b(import|export)\s+(type\s+)?(?:[\w*{][^;"']*?\sfrom\s*)?["']([^"']+)["']/g;
  for (const [, , typeOnly, target] of code.matchAll(statement))
    add(target, typeOnly !== undefined);
  for (const [, target] of code.matchAll(/\bimport\(\s*["']([^"']+)["']/g)) add(target, false);
  return lines;
}

/** Values that a file exports and no other of `files` names: `path: name`. */
export function unusedExports(files: readonly SourceFile[]): string[] {
  const namedIn = new Map<string, Set<string>>();
  for (const { path, text } of files) {
    for (const [word] of withoutComments(text).matchAll(/\w+/g)) {
      const paths = namedIn.get(word) ?? new Set();
      namedIn.set(word, paths.add(path));
    }
  }
  const declared = /^export (?:async )?(?:function\*?|const|let|class) (\w+)\b(?!\$)/gm;
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(declared)]
      .flatMap(([, name]) => name ?? [])
      .filter((name) => namedIn.get(name)?.size === 1)
      .map((name) => `${path}: ${name}`),
  );
}

/** The path that a relative import names, from the root of the repository. */
export function resolveImport(from: string, target: string): string {
  return posix.normalize(posix.join(dirname(from), target));
}

/**
 * Groups of files that import one another, type imports counted; a file that imports itself, too. Each
 * group ascending.
 *
 * Tarjan's strongly connected components (1972), without recursion deeper than the longest chain.
 */
export function importCircles(files: readonly SourceFile[]): string[][] {
  const known = new Set(files.map((file) => file.path));
  const edges = new Map(
    files.map(({ path, text }) => [
      path,
      importsOf(withoutComments(text))
        .filter(({ target }) => target.startsWith("."))
        .map(({ target }) => resolveImport(path, target))
        .filter((target) => known.has(target)),
    ]),
  );
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const circles: string[][] = [];
  const visit = (path: string): number => {
    const index = order.size;
    order.set(path, index);
    let lowest = index;
    stack.push(path);
    onStack.add(path);
    for (const target of edges.get(path) ?? []) {
      if (!order.has(target)) lowest = Math.min(lowest, visit(target));
      else if (onStack.has(target)) lowest = Math.min(lowest, order.get(target) ?? index);
    }
    low.set(path, lowest);
    if (lowest !== index) return lowest;
    const group = stack.splice(stack.indexOf(path));
    for (const member of group) onStack.delete(member);
    if (group.length > 1 || edges.get(path)?.includes(path)) circles.push(group.sort());
    return lowest;
  };
  for (const { path } of files) if (!order.has(path)) visit(path);
  return circles;
}
