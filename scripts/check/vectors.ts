/**
 * Runs a folder of known answers, schema kv-vectors/1, through the WASM core.
 *
 * `npm run vectors -- DIR`. Last line: `N passed, M failed, K skipped`; before it, every failure
 * and each reason for skipping with its count. Exit code 1 if a case fails or the folder cannot be
 * read.
 */
import { runFolder } from "./known-answers.ts";

const folder = process.argv[2];
if (folder === undefined || process.argv.length > 3) {
  console.error("usage: npm run vectors -- DIR   (a folder of kv-vectors/1 files)");
  process.exit(1);
}
try {
  process.exitCode = runFolder(folder, console.log) ? 0 : 1;
} catch (error) {
  console.error(`vectors: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
