/**
 * The sample: what a story leaves for a person to try, in a folder that every file picker shows.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OWNER_ONLY } from "../edge/owner-only.ts";

export const SAMPLE_FOLDER = "sample";

/** A secret, as what it opens is: the third file of a development deployment that holds some. */
const PASSWORDS_FILE = "passwords.txt";
const BACKUP_FILE = "backup.hbk";

export interface Sample {
  readonly backup: string;
  readonly passwords: string;
}

/** Paths of the sample below `folder`. */
function samplePaths(folder: string): Sample {
  return { backup: join(folder, BACKUP_FILE), passwords: join(folder, PASSWORDS_FILE) };
}

/** The sample of the last story, or null: there was none, or it has been taken away. */
export function findSample(): Sample | null {
  const sample = samplePaths(SAMPLE_FOLDER);
  return existsSync(sample.backup) && existsSync(sample.passwords) ? sample : null;
}

/** A user and a password to a line: those of the backup beside it. */
export function writePasswords(passwords: Readonly<Record<string, string>>): void {
  const width = Math.max(...Object.keys(passwords).map((name) => name.length));
  const lines = Object.entries(passwords).map(
    ([name, password]) => `${name.padEnd(width)}  ${password}`,
  );
  const text = `Users inside ${BACKUP_FILE}, and their passwords there:\n\n${lines.join("\n")}\n`;
  writeFileSync(samplePaths(SAMPLE_FOLDER).passwords, text, { mode: OWNER_ONLY.file });
}

/** @returns the path it was written to. */
export function writeBackup(folder: string, sealed: Uint8Array): string {
  const { backup } = samplePaths(folder);
  writeFileSync(backup, sealed);
  return backup;
}
