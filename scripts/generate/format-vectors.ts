/**
 * Writes the vectors of docs/FORMAT.md: the fault files (§9.1) and the worked example (§10).
 *
 * Deterministic: a second run changes nothing, and the tests refuse a difference.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { faultVectors } from "../../test/backup/faults/vectors.ts";
import { workedExample } from "../../test/backup/golden/worked-example.ts";
import { loadCore } from "../../test/lib/core.ts";

const FOLDER = "test/golden/faults";
const SPEC = "docs/FORMAT.md";
const BEGIN = "<!-- vectors -->\n";
const END = "<!-- /vectors -->";

async function main(): Promise<void> {
  const core = await loadCore();
  mkdirSync(FOLDER, { recursive: true });
  const vectors = await faultVectors(core);
  const names = new Set(vectors.map(({ name }) => `${name}.hbk`));
  for (const file of readdirSync(FOLDER)) if (!names.has(file)) rmSync(`${FOLDER}/${file}`);
  for (const { name, bytes } of vectors) writeFileSync(`${FOLDER}/${name}.hbk`, bytes);
  const index = vectors.map(({ bytes: _, name, ...rest }) => ({ file: `${name}.hbk`, ...rest }));
  writeFileSync(`${FOLDER}/faults.json`, `${JSON.stringify(index, null, 2)}\n`);
  const text = readFileSync(SPEC, "utf8");
  const before = text.slice(0, text.indexOf(BEGIN) + BEGIN.length);
  const after = text.slice(text.indexOf(END));
  writeFileSync(SPEC, `${before}${await workedExample(core)}${after}`);
  console.log(`${vectors.length} fault vectors in ${FOLDER}; §10 of ${SPEC}`);
}

await main();
