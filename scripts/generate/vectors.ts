/**
 * `npm run vectors:make`: writes test/vectors anew, and the worked example of docs/FORMAT.md §10.
 *
 * Deterministic: a second run changes nothing, and the tests refuse a difference.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { workedExample } from "../../test/backup/golden/worked-example.ts";
import { keySetFiles } from "../../test/backup/vectors/key-sets.ts";
import { makeVectors } from "../../test/backup/vectors/make.ts";
import { loadCore } from "../../test/lib/core.ts";
import { say } from "../terminal/progress.ts";

const FOLDER = "test/vectors";
const SPEC = "docs/FORMAT.md";
const BEGIN = "<!-- vectors -->\n";
const END = "<!-- /vectors -->";

function write(file: string, bytes: string | Uint8Array): void {
  const path = `${FOLDER}/${file}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

const core = await loadCore();
rmSync(FOLDER, { recursive: true, force: true });
// What is made below is made with these keys, as they are read from their files.
for (const [file, text] of keySetFiles().files) write(file, text);
const files = await makeVectors(core);
for (const [file, bytes] of files) write(file, bytes);
const spec = readFileSync(SPEC, "utf8");
const before = spec.slice(0, spec.indexOf(BEGIN) + BEGIN.length);
writeFileSync(SPEC, `${before}${await workedExample(core)}${spec.slice(spec.indexOf(END))}`);
const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
say(`  ${files.size} files, ${Math.ceil(bytes / 1024)} KiB, in ${FOLDER}; §10 of ${SPEC}`);
