/**
 * `npm run sbom`: what an install brings, as npm's bill of materials (CycloneDX).
 *
 * Written when npm is done with all of it: a run that fails leaves the bill of an earlier one.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { say } from "../terminal/progress.ts";

const FOLDER = "build";
const FILE = `${FOLDER}/sbom.cdx.json`;
const MOST_BYTES = 64 * 1024 * 1024;

const { status, stdout, error } = spawnSync(
  "npm",
  ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application"],
  { stdio: ["ignore", "pipe", "inherit"], maxBuffer: MOST_BYTES },
);
if (error !== undefined) throw error;
if (status === 0) {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(FILE, stdout);
  say(`  ${FILE}: ${stdout.length} bytes`);
}
process.exitCode = status ?? 1;
