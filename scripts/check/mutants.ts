/**
 * Mutants of backups, answered by every reader that is there: they agree in outcome, code and kind of
 * key, or one of them errs, or docs/FORMAT.md leaves something open.
 *
 * `npm run mutants -- --help`.
 */
import { mkdirSync, rmSync } from "node:fs";
import { listedCodes } from "../../test/backup/vectors/codes.ts";
import { loadCore } from "../../test/lib/core.ts";
import { readOptions, refuse, wholeNumber } from "../terminal/options.ts";
import { say, step } from "../terminal/progress.ts";
import { readersHere } from "./mutant-readers.ts";
import { type Disagreement, runMutants, saidBy } from "./mutant-run.ts";

const USAGE = `npm run mutants -- [options]

Backups with faults, most of them beneath MACs and seal, read by the product, by the second reader
(test/second-reader), and by the one in Python where it and its package cryptography are there.

  --count N   how many mutants, 1 to 100000 (2000)
  --seed N    which ones (1)
  --from N    the first of them, to see one again (0)

Exit code 0 where all agree in outcome, code and kind of key; else 1. Mutants on which they do not
are in .holdfast/mutants, each in a folder SEED-INDEX.`;

const KEEP_FOLDER = ".holdfast/mutants";
const MAX_COUNT = 100_000;
const MAX_TOLD = 40;

function tell({ index, changes, answers, folder }: Disagreement, seed: number): void {
  const said = answers.map(([reader, answer]) => `${reader}: ${saidBy(answer)}`).join("; ");
  say(`  seed ${seed}, mutant ${index} (${changes.join(", ")}): ${said}`);
  if (folder !== null) say(`    ${folder}`);
}

const values = readOptions(USAGE, {
  count: { type: "string", default: "2000" },
  seed: { type: "string", default: "1" },
  from: { type: "string", default: "0" },
});
const count = wholeNumber("count", values.count);
if (count < 1 || count > MAX_COUNT) refuse(`--count: expected 1 to ${MAX_COUNT}, got ${count}`);
const seed = wholeNumber("seed", values.seed);
const from = wholeNumber("from", values.from);
const core = await loadCore();
const readers = readersHere(core);
rmSync(KEEP_FOLDER, { recursive: true, force: true });
mkdirSync(KEEP_FOLDER, { recursive: true });

const names = readers.map(({ name }) => name);
say(`  ${names.slice(0, -1).join(", ")} and ${names.at(-1)} read`);
const report = await step(`${count} mutants of seed ${seed}`, (note) =>
  runMutants({
    ...{ core, readers, seed, from, count, keepIn: KEEP_FOLDER },
    onDone: (done, disagreements) => {
      const others = disagreements === 0 ? "all alike" : `${disagreements} not alike`;
      note(`${done} read, ${others}`);
    },
  }),
);
const { met, disagreements } = report;
for (const code of new Set(["opens", ...listedCodes(), ...met.keys()])) {
  say(`  ${String(met.get(code) ?? 0).padStart(7)}  ${code}`);
}
for (const one of disagreements.slice(0, MAX_TOLD)) tell(one, seed);
if (disagreements.length > 0) {
  say(`${disagreements.length} of ${count} mutants are not read alike.`);
  process.exitCode = 1;
}
