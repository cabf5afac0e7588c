/**
 * What the mutation run adds to Stryker: it takes a share of the mutants by the seed, and writes
 * down each result as it comes, so that a run that is stopped has not run for nothing.
 *
 * Loaded by Stryker in each of its processes. Nothing is imported from it: a plugin is an object.
 */
import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { relative } from "node:path";

interface Position {
  /** From 1 in a report; from 0 in what a checker is asked. */
  readonly line: number;
  /** As the line. */
  readonly column: number;
}

interface Mutant {
  readonly id: string;
  readonly fileName: string;
  readonly mutatorName: string;
  readonly replacement: string;
  readonly location: { readonly start: Position; readonly end: Position };
}

export interface MutantResult extends Mutant {
  readonly status: string;
}

export interface SampleOptions {
  readonly seed: number;
  /** How many in a hundred mutants are taken. */
  readonly percent: number;
  /** Where results go, one in JSON on each line. */
  readonly resultsFile: string;
}

/**
 * Where each mutant stands follows from the seed and the mutant alone, not from how many there are.
 */
function isTaken(sample: SampleOptions, mutant: Mutant): boolean {
  const { start, end } = mutant.location;
  const path = mutant.fileName.slice(mutant.fileName.lastIndexOf("src/"));
  const text = JSON.stringify([sample.seed, path, start, end, mutant.replacement]);
  return createHash("sha256").update(text).digest().readUInt32BE() % 100 < sample.percent;
}

type Verdict = { readonly status: "passed" } | { readonly status: "compileError"; reason: string };

/**
 * A checker can only say that a mutant does not compile, so the report calls so what is not taken.
 */
class Sample {
  static readonly inject = ["options"];
  readonly #sample: SampleOptions;

  constructor(options: { readonly sample: SampleOptions }) {
    this.#sample = options.sample;
  }

  async init(): Promise<void> {}

  /** All at once: to be asked for one mutant at a time takes longer than to answer. */
  async group(mutants: readonly Mutant[]): Promise<string[][]> {
    return [mutants.map(({ id }) => id)];
  }

  async check(mutants: readonly Mutant[]): Promise<Record<string, Verdict>> {
    return Object.fromEntries(
      mutants.map((mutant): [string, Verdict] => [
        mutant.id,
        isTaken(this.#sample, mutant)
          ? { status: "passed" }
          : { status: "compileError", reason: "not in the sample" },
      ]),
    );
  }
}

class Results {
  static readonly inject = ["options"];
  readonly #file: string;

  constructor(options: { readonly sample: SampleOptions }) {
    this.#file = options.sample.resultsFile;
  }

  onMutantTested(result: MutantResult): void {
    if (result.status === "CompileError") return;
    appendFileSync(this.#file, `${JSON.stringify(result)}\n`);
    if (result.status !== "Survived" && result.status !== "NoCoverage") return;
    const { fileName, location, replacement } = result;
    console.log(
      `survived ${relative(process.cwd(), fileName)}:${location.start.line} → ${replacement.slice(0, 70)}`,
    );
  }
}

export const strykerPlugins = [
  { kind: "Checker", name: "sample", injectableClass: Sample },
  { kind: "Reporter", name: "results", injectableClass: Results },
] as const;
