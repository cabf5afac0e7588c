/**
 * A run over mutants: makes them in chunks, has every reader answer, compares the answers, counts.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Core } from "../../src/crypto/core.ts";
import { mutantOf } from "../../test/backup/mutants/mutant.ts";
import type { Mutant } from "../../test/backup/mutants/plan.ts";
import type { Answer, MutantReader, Question } from "./mutant-readers.ts";

const CHUNK = 500;
/** Mutants that are kept to be looked at; the others are counted. */
const MAX_KEPT = 100;

export interface Disagreement {
  readonly index: number;
  readonly changes: readonly string[];
  /** By reader. */
  readonly answers: readonly (readonly [reader: string, answer: Answer])[];
  /** Folder of the mutant and its keys; null: enough were kept. */
  readonly folder: string | null;
}

export interface MutantRun {
  readonly core: Core;
  readonly readers: readonly MutantReader[];
  readonly seed: number;
  /** The first mutant, and how many from there. */
  readonly from: number;
  readonly count: number;
  /** Where mutants that readers answer differently are kept. */
  readonly keepIn: string;
  readonly onDone?: (done: number, disagreements: number) => void;
}

export interface MutantReport {
  /** How often the product gave each answer: `opens`, or a code as FORMAT.md §9.1 has it. */
  readonly met: ReadonlyMap<string, number>;
  readonly disagreements: readonly Disagreement[];
}

export async function runMutants(run: MutantRun): Promise<MutantReport> {
  const met = new Map<string, number>();
  const disagreements: Disagreement[] = [];
  const end = run.from + run.count;
  for (let at = run.from; at < end; at += CHUNK) {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-mutants-"));
    try {
      const questions = await writeChunk(run, at, Math.min(end, at + CHUNK), folder);
      const answers = await Promise.all(run.readers.map((reader) => reader.answer(questions)));
      for (const [i, question] of questions.entries()) {
        const own = run.readers.map(({ name }, r) => [name, answers[r]![i]!] as const);
        const said = saidBy(own[0]![1]);
        met.set(said, (met.get(said) ?? 0) + 1);
        if (own.every(([, answer]) => isSame(own[0]![1], answer))) continue;
        disagreements.push(keep(run, question, own, disagreements.length));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
    run.onDone?.(Math.min(end, at + CHUNK) - run.from, disagreements.length);
  }
  return { met, disagreements };
}

async function writeChunk(
  { core, seed }: MutantRun,
  from: number,
  to: number,
  folder: string,
): Promise<Question[]> {
  const questions: Question[] = [];
  for (let index = from; index < to; index++) {
    const mutant = await mutantOf(core, seed, index);
    questions.push({ index, mutant, ...writeMutant(mutant, folder, `${index}.hbk`) });
  }
  return questions;
}

/** Kits and KMS files lie there once, by their digest. */
function writeMutant({ file, kit, kms }: Mutant, folder: string, name: string) {
  const write = (contents: object): string => {
    const text = JSON.stringify(contents, null, 2);
    const path = join(folder, `${createHash("sha256").update(text).digest("hex")}.json`);
    if (!existsSync(path)) writeFileSync(path, text);
    return path;
  };
  const path = join(folder, name);
  writeFileSync(path, file);
  return { file: path, kit: write(kit), kms: kms && write(kms) };
}

function keep(
  { seed, keepIn }: MutantRun,
  { index, mutant }: Question,
  answers: Disagreement["answers"],
  kept: number,
): Disagreement {
  const { changes, expectation } = mutant;
  const folder = kept < MAX_KEPT ? join(keepIn, `${seed}-${index}`) : null;
  if (folder !== null) {
    mkdirSync(folder, { recursive: true });
    const files = writeMutant(mutant, folder, "mutant.hbk");
    const facts = { seed, index, changes, ...files, expectation, answers };
    writeFileSync(join(folder, "question.json"), `${JSON.stringify(facts, null, 2)}\n`);
  }
  return { index, changes, answers, folder };
}

/** As FORMAT.md §9.1 has it: a code, and the kind of key behind it. */
export function saidBy({ outcome, code, which }: Answer): string {
  if (outcome !== "refused") return outcome;
  return which === undefined || which === null ? `${code}` : `${code} ${which}`;
}

/** What both tell is the same. */
function isSame(a: Answer, b: Answer): boolean {
  if (a.outcome === "failed" || saidBy(a) !== saidBy(b)) return false;
  const facts = ["stateDigest", "containerDigest", "records"] as const;
  return facts.every((fact) => !(fact in a && fact in b) || a[fact] === b[fact]);
}
