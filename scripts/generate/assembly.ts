/**
 * Writes the files of assembly/ that are generated: `npm run generate`. A test compares them.
 */
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { aesFour } from "./aes-four.ts";
import { aesPlanes } from "./aes-planes.ts";
import { aesTables } from "./aes-tables.ts";
import { sha2 } from "./sha2.ts";

/** By name: the text that each is to have. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  "aes-tables.ts": aesTables,
  "aes-planes.ts": aesPlanes,
  "aes-four.ts": aesFour,
  "sha256.ts": () => sha2("256"),
  "sha512.ts": () => sha2("512"),
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [name, text] of Object.entries(GENERATED)) {
    writeFileSync(new URL(`../../assembly/${name}`, import.meta.url), text());
  }
}
