/**
 * `.dev.vars` and the recovery kit on disk: written once, readable by their owner only.
 *
 * These two are the only files of a development deployment that hold secrets, but for the passwords
 * of the story's sample.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { OWNER_ONLY } from "./owner-only.ts";

export const DEV_VARS_FILE = ".dev.vars";
export const KIT_FILE = "recovery.kit.json";

const HEADING = `# Development secrets, made on this machine. Never deploy them, never commit them.
# Deleting this file makes every backup and every HSM under .holdfast unreadable.
`;

/** One line per variable. JSON holds no single quote that matters; quoted values are literal. */
export function encodeDevVars(bindings: Record<string, string>): string {
  const lines = Object.entries(bindings).map(([name, value]) => {
    if (value.includes("'") || value.includes("\n")) {
      throw new RangeError(`${name}: expected a value without single quotes and line ends`);
    }
    return `${name}='${value}'`;
  });
  return `${HEADING}${lines.join("\n")}\n`;
}

/**
 * The inverse of `encodeDevVars`; also takes unquoted values and double quotes, as wrangler does.
 */
export function parseDevVars(text: string): Record<string, string> {
  const bindings: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const match = /^\s*([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const [, name, quoted] = match;
    if (name === undefined || quoted === undefined) continue;
    bindings[name] = /^(['"])(.*)\1$/.exec(quoted)?.[2] ?? quoted;
  }
  return bindings;
}

/** The variables of an earlier start, or null. */
export function readDevVars(file: string = DEV_VARS_FILE): Record<string, string> | null {
  return existsSync(file) ? parseDevVars(readFileSync(file, "utf8")) : null;
}

/**
 * The variables of this folder, made the first time.
 *
 * The kit is written first: a crash in between leaves a kit without a deployment, not the reverse.
 */
export async function ensureDevVars(): Promise<{
  bindings: Record<string, string>;
  made: boolean;
}> {
  const known = readDevVars();
  if (known !== null) return { bindings: known, made: false };
  // Here and not above: every start of an edge would load the library for certificates with it.
  const { generateSecrets } = await import("./dev-secrets.ts");
  const { bindings, kit } = await generateSecrets();
  writeFileSync(KIT_FILE, kit, { mode: OWNER_ONLY.file });
  writeFileSync(DEV_VARS_FILE, encodeDevVars(bindings), { mode: OWNER_ONLY.file });
  return { bindings, made: true };
}
