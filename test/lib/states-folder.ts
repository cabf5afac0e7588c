/**
 * The folder of the states that a run of the tests begins from, one for all of its processes.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";

const PARENT = "build/test-states";
/** How the processes of the run, which take its variables over, learn of it. */
const VARIABLE = "HOLDFAST_TEST_STATES";

/** @returns what removes the folder when the run is over. */
export function makeStatesFolder(): () => void {
  mkdirSync(PARENT, { recursive: true });
  const folder = mkdtempSync(`${PARENT}/run-`);
  process.env[VARIABLE] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

export function statesFolder(): string {
  const folder = process.env[VARIABLE];
  if (folder === undefined) throw new Error(`${VARIABLE} is not set`);
  return folder;
}
