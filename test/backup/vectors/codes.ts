/**
 * The codes of FORMAT.md §9.1, as its table has them.
 */
import { readFileSync } from "node:fs";

/** A code, and behind a space the kind of key, where the table tells them apart. */
export function listedCodes(): string[] {
  const text = readFileSync("docs/FORMAT.md", "utf8");
  const table = text.slice(text.indexOf("### 9.1"), text.indexOf("### 9.2"));
  const rows = [...table.matchAll(/^\| `(\w+)`(?: \((\w+)\))? \|/gm)];
  return rows.map(([, code = "", which]) => (which === undefined ? code : `${code} ${which}`));
}
