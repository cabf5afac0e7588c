/**
 * The order in which test files begin: those that take longest first, so that none of them is left to run
 * alone at the end.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** By what a file does, the longest first; a file that none of them fits comes after all. */
const LONG = [
  "test/worker/crash/",
  "test/worker/region/clock",
  "test/web/restore",
  "test/worker/",
  "test/web/",
  "test/crypto/",
  "test/backup/vectors/vectors",
  "test/hsm/keys/trust",
  "test/hsm/keys/import-cases",
  "test/backup/damage",
];

function rank(file: TestSpecification): number {
  const found = LONG.findIndex((part) => file.moduleId.includes(part));
  return found < 0 ? LONG.length : found;
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
