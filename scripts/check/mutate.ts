/**
 * A mutation run: Stryker changes the sources of the engine in a copy, one place at a time, and
 * runs the tests that reach the place. What no test finds is a survivor.
 *
 * `npm run mutate -- --help`. What is known of the survivors is in docs/MUTATION.md.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { ensureCore } from "../edge/build.ts";
import { readOptions, refuse, wholeNumber } from "../terminal/options.ts";
import { say } from "../terminal/progress.ts";
import type { MutantResult, SampleOptions } from "./mutation-plugin.ts";

const USAGE = `npm run mutate -- [options]

  --seed N      which mutants are taken (1)
  --percent N   how many in a hundred of them, 1 to 100 (10)
  --minutes N   the run stops after these, whatever is left (30)
  --folder DIR  one folder or file instead of src/cluster, src/backup and src/hsm/access
  --vectors     switches off each check of the reader of backups, and runs the vectors alone

Exit code 0 after a whole run, 1 where it was stopped or could not begin. Survivors are no failure:
docs/MUTATION.md has a word on each.`;

const FOLDERS = ["src/cluster", "src/backup", "src/hsm/access"];
/** What reads a backup, and what it is changed by: conditions that become true or false. */
const READER = [
  "src/backup/container/frame-reader.ts",
  "src/backup/container/front.ts",
  "src/backup/container/header.ts",
  "src/backup/container/key-block.ts",
  "src/backup/container/payload-reader.ts",
  "src/backup/container/reader.ts",
  "src/backup/container/record-form.ts",
  "src/backup/file.ts",
  "src/backup/format/cbor.ts",
  "src/backup/format/checkpoints.ts",
  "src/backup/format/keys.ts",
  "src/backup/format/magic.ts",
  "src/backup/seal/body.ts",
  "src/backup/seal/data-key.ts",
  "src/backup/seal/envelope.ts",
  "src/backup/seal/kms.ts",
  "src/backup/seal/location.ts",
  "src/backup/seal/recipients.ts",
  "src/backup/seal/recovery-hybrid.ts",
  "src/backup/seal/recovery-rsa.ts",
  "src/backup/sealed.ts",
  "src/backup/verify.ts",
  "src/hsm/memory/deterministic-cbor.ts",
];
const NO_CHECKS = [
  "ArithmeticOperator",
  "ArrayDeclaration",
  "ArrowFunction",
  "AssignmentOperator",
  "BlockStatement",
  "BooleanLiteral",
  "EqualityOperator",
  "LogicalOperator",
  "MethodExpression",
  "ObjectLiteral",
  "OptionalChaining",
  "Regex",
  "StringLiteral",
  "UnaryOperator",
  "UpdateOperator",
];
const WORK_FOLDER = ".holdfast/mutation";
const SETTINGS_FILE = `${WORK_FOLDER}/stryker.json`;
const RESULTS_FILE = `${WORK_FOLDER}/results.jsonl`;
const STRYKER = "node_modules/@stryker-mutator/core/bin/stryker.js";

const FOUND = ["Killed", "Timeout", "RuntimeError"];

function settings(mutate: string[], sample: SampleOptions, excludedMutations: string[]) {
  return {
    mutate,
    mutator: { excludedMutations },
    sample,
    plugins: ["@stryker-mutator/vitest-runner", "./scripts/check/mutation-plugin.ts"],
    checkers: ["sample"],
    reporters: ["results"],
    testRunner: "vitest",
    vitest: { configFile: "scripts/check/mutate.vitest.ts" },
    // The plugin is TypeScript.
    checkerNodeArgs: ["--import", "tsx"],
    testRunnerNodeArgs: ["--import", "tsx"],
    // Stryker would rewrite tsconfig.json by TypeScript's API, of which version 7 has none.
    tsconfigFile: "none.json",
    coverageAnalysis: "perTest",
    // What runs once, while a module loads, would cost a new process for each mutant.
    ignoreStatic: true,
    // One process for the tests; the other asks the sample.
    concurrency: 2,
    tempDirName: `${WORK_FOLDER}/copy`,
    ignorePatterns: [".holdfast", ".wrangler", "dist", "bench"],
    timeoutMS: 5000,
    allowConsoleColors: false,
    warnings: { unknownOptions: false },
  };
}

/** Whether Stryker came to its end within `minutes`. */
function run(minutes: number, tests: "vectors" | "all"): Promise<boolean> {
  const child = spawn(process.execPath, ["--import", "tsx", STRYKER, "run", SETTINGS_FILE], {
    stdio: "inherit",
    env: { ...process.env, HOLDFAST_MUTATE: tests },
  });
  const timer = setTimeout(() => child.kill("SIGINT"), minutes * 60_000);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => {
      clearTimeout(timer);
      resolve(code === 0);
    });
  });
}

function readResults(): MutantResult[] {
  if (!existsSync(RESULTS_FILE)) return [];
  const lines = readFileSync(RESULTS_FILE, "utf8").split("\n").filter(Boolean);
  return lines
    .map((line) => JSON.parse(line) as MutantResult)
    .filter(({ status }) => status !== "Ignored")
    .map((result) => ({ ...result, fileName: relative(process.cwd(), result.fileName) }));
}

/** What the mutant puts in place of what, on one line. */
function changeOf({ fileName, location, replacement }: MutantResult): string {
  const { start, end } = location;
  const source = readFileSync(`${WORK_FOLDER}/${fileName}`, "utf8");
  const lines = source.split("\n").slice(start.line - 1, end.line);
  lines.push((lines.pop() ?? "").slice(0, end.column - 1));
  const text = lines.join("\n").slice(start.column - 1);
  const short = (code: string) => code.replace(/\s+/g, " ").slice(0, 90);
  return `\`${short(text)}\` → \`${short(replacement)}\``;
}

function tell(folders: readonly string[], results: readonly MutantResult[]): void {
  for (const folder of folders) {
    const here = results.filter(({ fileName }) => fileName.includes(folder));
    if (here.length === 0) continue;
    const count = (...status: string[]) => here.filter((r) => status.includes(r.status)).length;
    const found = count(...FOUND);
    const score = ((100 * found) / here.length).toFixed(1);
    say(
      `${folder}: ${here.length} mutants, ${found} found (${count("Timeout")} by their time), ` +
        `${count("Survived")} survived, ${count("NoCoverage")} reached by no test: ${score} %`,
    );
  }
  const left = results.filter(({ status }) => !FOUND.includes(status));
  const rows = left.map((one) => {
    const unreached = one.status === "NoCoverage" ? " (no test)" : "";
    return `${one.fileName}:${one.location.start.line}${unreached} ${changeOf(one)}`;
  });
  for (const row of rows.sort()) say(row);
}

const values = readOptions(USAGE, {
  seed: { type: "string", default: "1" },
  percent: { type: "string", default: "10" },
  minutes: { type: "string", default: "30" },
  folder: { type: "string" },
  vectors: { type: "boolean", default: false },
});
const percent = wholeNumber("percent", values.percent);
if (percent < 1 || percent > 100) refuse(`--percent: expected 1 to 100, got ${percent}`);
const usual = values.vectors ? READER : FOLDERS;
const folders = values.folder === undefined ? usual : [relative("", values.folder)];
if (!folders.every(existsSync)) refuse(`--folder: expected a folder or file, got ${folders}`);
ensureCore();

rmSync(WORK_FOLDER, { recursive: true, force: true });
mkdirSync(WORK_FOLDER, { recursive: true });
// As it is now: who works on meanwhile changes the lines that the results name.
cpSync("src", `${WORK_FOLDER}/src`, { recursive: true });
const sample = {
  seed: wholeNumber("seed", values.seed),
  percent,
  resultsFile: `${process.cwd()}/${RESULTS_FILE}`,
};
const patterns = folders.map((path) => (path.endsWith(".ts") ? path : `${path}/**/*.ts`));
const excluded = values.vectors ? NO_CHECKS : [];
writeFileSync(SETTINGS_FILE, JSON.stringify(settings(patterns, sample, excluded)));
const minutes = wholeNumber("minutes", values.minutes);
const finished = await run(minutes, values.vectors ? "vectors" : "all");
tell(folders, readResults());
if (!finished) say("The run did not come to its end.");
process.exitCode = finished ? 0 : 1;
