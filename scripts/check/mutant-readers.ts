/**
 * The readers of backups that are there, each asked for many files at once: the product's, and those
 * that were written from docs/FORMAT.md alone.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { Core } from "../../src/crypto/core.ts";
import { customerKeysOf, hex } from "../../test/backup/fixtures.ts";
import type { Mutant } from "../../test/backup/mutants/plan.ts";
import { readerOf, readVector } from "../../test/backup/vectors/readers.ts";

/** A mutant, and the files that it was written to. */
export interface Question {
  readonly index: number;
  readonly mutant: Mutant;
  readonly file: string;
  readonly kit: string;
  /** Null: there is no KMS. */
  readonly kms: string | null;
}

/** Code and kind of key by FORMAT.md §9.1; what was read, by readers that tell it. */
export interface Answer {
  /** `opens` or `refused`; anything else is an error of the reader. */
  readonly outcome: string;
  readonly code?: string | undefined;
  readonly which?: string | undefined;
  readonly stateDigest?: string;
  readonly containerDigest?: string;
  readonly records?: number;
  readonly why?: string | undefined;
}

export interface MutantReader {
  readonly name: string;
  /** One answer for each question, in their order. */
  answer(questions: readonly Question[]): Promise<Answer[]>;
}

const SECOND_READER = "test/second-reader/read-backup.mjs";
const PYTHON_READER = "test/python-reader/read_backup.py";
const PYTHONS = ["python3", "/usr/bin/python3"];

export function productReader(core: Core): MutantReader {
  const read = async ({ mutant: { file, kit, kms, expectation } }: Question): Promise<Answer> => {
    try {
      const reader = readerOf(JSON.stringify(kit), kms && customerKeysOf(kms), expectation);
      const reading = await readVector(core, reader, file);
      if ("fault" in reading) {
        const { code, which } = { which: undefined, ...reading.fault };
        return { outcome: "refused", code, which };
      }
      const { stateDigest, containerDigest, recordCount } = reading.opened;
      const digests = { stateDigest: hex(stateDigest), containerDigest: hex(containerDigest) };
      return { outcome: "opens", ...digests, records: recordCount };
    } catch (error) {
      return { outcome: "failed", why: error instanceof Error ? error.stack : String(error) };
    }
  };
  return {
    name: "the product",
    answer: async (questions) => {
      const answers: Answer[] = [];
      for (const question of questions) answers.push(await read(question));
      return answers;
    },
  };
}

/** A program that reads requests and answers them, a line of JSON each. */
function batchReader(name: string, command: string, args: readonly string[]): MutantReader {
  const run = (input: string): Promise<string> => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    // A reader that ends early says so by its code.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) =>
        code === 0 ? resolve(out) : reject(new Error(`${name} ended with code ${code}`)),
      );
    });
  };
  return {
    name,
    answer: async (questions) => {
      const lines = questions.map(({ file, kit, kms, mutant: { expectation } }) =>
        JSON.stringify({ file, kit, kms, expectation }),
      );
      const out = await run(`${lines.join("\n")}\n`);
      const answers = out.trimEnd().split("\n");
      if (answers.length !== lines.length) {
        throw new Error(`${name}: expected ${lines.length} answers, got ${answers.length}`);
      }
      return answers.map((line) => JSON.parse(line) as Answer);
    },
  };
}

/** The Python reader, where it and a Python with what it needs are there. */
function pythonReader(): MutantReader | null {
  if (!existsSync(PYTHON_READER)) return null;
  const python = PYTHONS.find(
    (command) => spawnSync(command, ["-c", "import cryptography"]).status === 0,
  );
  return python === undefined
    ? null
    : batchReader("the Python reader", python, [PYTHON_READER, "--batch"]);
}

/** All that are there, the product's first. */
export function readersHere(core: Core): MutantReader[] {
  const second = batchReader("the second reader", process.execPath, [SECOND_READER, "--batch"]);
  const python = pythonReader();
  return [productReader(core), second, ...(python === null ? [] : [python])];
}
