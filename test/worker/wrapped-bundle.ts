/**
 * The worker as built behind an entry of a test's own: its objects get a method that only the test calls.
 */
import { cp, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface WrappedBundle {
  readonly folder: string;
  remove(): Promise<void>;
}

/** @param entry - a module that imports the bundle as `./built.js` and exports what it exports. */
export async function wrappedBundle(entry: string): Promise<WrappedBundle> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bundle-"));
  await cp(process.env["HOLDFAST_BUNDLE"] ?? "build/worker", folder, { recursive: true });
  await rename(join(folder, "index.js"), join(folder, "built.js"));
  await writeFile(join(folder, "index.js"), entry);
  return { folder, remove: () => rm(folder, { recursive: true }) };
}
