/**
 * `npm start`: builds what is missing, makes development secrets once, starts the edge and, the
 * first time, walks through the whole story on the public interfaces.
 *
 * Everything lies in this folder: state and logs under .holdfast, secrets in .dev.vars and the kit,
 * and what the story leaves to try under sample.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { build, isBuilt, verifyBuilt } from "../edge/build.ts";
import type { DevelopmentAccessKey } from "../edge/dev-secrets.ts";
import { DEV_VARS_FILE, ensureDevVars, KIT_FILE } from "../edge/dev-vars.ts";
import { closeToOthers, keepToOwner } from "../edge/owner-only.ts";
import { EDGE_FILE, type EdgeProcess, spawnEdge, stopEdge } from "../edge/process.ts";
import { entryLines } from "../terminal/columns.ts";
import { bold, columns, dim, isRich, red, say, step, yellow } from "../terminal/progress.ts";
import { toldToStop } from "../terminal/told-to-stop.ts";
import { addressLines } from "./addresses.ts";
import { findSample, SAMPLE_FOLDER, writePasswords } from "./sample.ts";
import { runStory, type StoryResult } from "./story.ts";

const HOME = ".holdfast";
const STORY_FILE = ".holdfast/story/story.json";
const BUILD_LOG = ".holdfast/logs/build.log";
const EDGE_LOG = ".holdfast/logs/edge.log";
const REGION = "us-east-1";
const ENDING_MS = 2_000;

const USAGE = `usage: npm start [-- options]

Builds Holdfast, starts it at http://127.0.0.1:8787 and, the first time, runs the story.

  --story      run the story again
  --no-story   never run it
  --exit       stop after the story instead of serving
  --help       this text

  PORT         another port; 0 takes any free one`;

const OPTIONS = ["--story", "--no-story", "--exit", "--help"];

function warnOfSecrets(): void {
  say();
  say(yellow("  ! Development secrets were made for this folder, readable by you only:"));
  const files = [
    { name: DEV_VARS_FILE, says: "what the edge needs to run" },
    { name: KIT_FILE, says: "the recovery kit: with a backup it gives away every key in it" },
  ];
  for (const line of entryLines(files, columns())) say(yellow(line));
  say(yellow("    They are for this machine. Never deploy, commit or copy them."));
  say();
}

function ownerKey(bindings: Record<string, string>): DevelopmentAccessKey {
  const keys = JSON.parse(bindings["ACCESS_KEYS"] ?? "[]") as DevelopmentAccessKey[];
  const owner = keys.find((key) => key.role === "owner");
  if (owner === undefined) throw new Error(`${DEV_VARS_FILE}: ACCESS_KEYS lists no owner`);
  return owner;
}

/** @throws Error if it does not come up, or has come up and cannot work, as without a variable. */
async function startEdge(signal: AbortSignal): Promise<EdgeProcess> {
  const edge = await spawnEdge({ log: EDGE_LOG, signal });
  const health = await atTheEdge(edge, fetch(new URL("/v1/health", edge.url)));
  if (health.ok) return edge;
  await stopEdge(edge);
  const said = readFileSync(EDGE_LOG, "utf8").matchAll(/"request_failed","reason":"([^"]+)"/g);
  const [, reason = `its log is ${EDGE_LOG}`] = [...said].at(-1) ?? [];
  throw new Error(`The edge is not well: ${reason}. The variables are in ${DEV_VARS_FILE}.`);
}

function endedByItself(how: string): string {
  return `The edge ended by itself (${how}). Its log: ${EDGE_LOG}`;
}

/**
 * What is done with the edge. Where that fails since the edge is gone, the error says so: requests fail a
 * moment before the edge has ended.
 */
async function atTheEdge<T>(edge: EdgeProcess, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const how = await Promise.race([edge.ended, wait(ENDING_MS, null)]);
    throw how === null ? error : new Error(endedByItself(how), { cause: error });
  }
}

async function prepare(signal: AbortSignal): Promise<Record<string, string>> {
  if (isBuilt()) {
    await verifyBuilt();
    say(`  ${dim("the build is up to date")}`);
  } else await step("Build the module, the pages and the worker", () => build(BUILD_LOG, signal));
  // Only now: what was built holds no secrets, and is made with the modes that others are used to.
  keepToOwner();
  mkdirSync(HOME, { recursive: true });
  for (const folder of [HOME, SAMPLE_FOLDER]) closeToOthers(folder);
  const { bindings, made } = await ensureDevVars();
  if (made) warnOfSecrets();
  if (!existsSync(KIT_FILE)) {
    say(yellow(`  ! ${KIT_FILE} is not here: without it no backup opens offline.`));
  }
  return bindings;
}

async function tellStory(url: string, bindings: Record<string, string>): Promise<void> {
  say();
  say(`  ${bold("The story")} ${dim("an AWS SDK client and signed REST calls, as anybody would")}`);
  const { accessKeyId, secretAccessKey } = ownerKey(bindings);
  const access = { endpoint: url, region: REGION, accessKeyId, secretAccessKey };
  const kit = existsSync(KIT_FILE) ? readFileSync(KIT_FILE, "utf8") : null;
  const { result, passwords } = await runStory({ access, kit, folder: SAMPLE_FOLDER });
  writePasswords(passwords);
  mkdirSync(dirname(STORY_FILE), { recursive: true });
  writeFileSync(STORY_FILE, `${JSON.stringify(result, null, 2)}\n`);
}

function printAddresses(url: string): void {
  const told = existsSync(STORY_FILE);
  const story = told ? (JSON.parse(readFileSync(STORY_FILE, "utf8")) as StoryResult) : null;
  const sample = findSample();
  const facts = { url, sample, kit: KIT_FILE, userName: story?.userName ?? null };
  const look = { width: columns(), hasLinks: isRich, bold, dim };
  for (const line of addressLines(facts, look)) say(line);
  say();
  if (told && sample === null) say(dim("  npm start -- --story makes a new sample."));
  say(dim("  State and logs are under .holdfast. Ctrl-C stops."));
}

async function main(): Promise<number> {
  const options = new Set(process.argv.slice(2));
  if (options.has("--help")) {
    say(USAGE);
    return 0;
  }
  const unknown = [...options].find((option) => !OPTIONS.includes(option));
  if (unknown !== undefined) {
    say(`Unknown option ${unknown}\n\n${USAGE}`);
    return 2;
  }
  const signal = toldToStop();
  try {
    const code = await run(options, signal);
    if (!signal.aborted) return code;
  } catch (error) {
    // Told to stop, the edge goes from under whatever was being done with it.
    if (!signal.aborted) throw error;
  }
  say("\n  Stopped.");
  return 0;
}

/** From the build to the end of the edge. @returns the exit code. */
async function run(options: ReadonlySet<string>, signal: AbortSignal): Promise<number> {
  say();
  say(`  ${bold("Holdfast")} ${dim("HSM-grade cluster backups for the edge and the browser")}`);
  say(`  ${dim("software, not a FIPS 140 validated module: see SECURITY.md")}`);
  say();
  const bindings = await prepare(signal);
  signal.throwIfAborted();
  const edge = await step("Start the edge", () => startEdge(signal));
  writeFileSync(EDGE_FILE, `${JSON.stringify({ url: edge.url })}\n`);
  const wanted = options.has("--story") || (!options.has("--no-story") && !existsSync(STORY_FILE));
  try {
    if (wanted) await atTheEdge(edge, tellStory(edge.url, bindings));
  } catch (error) {
    await stopEdge(edge);
    throw error;
  }
  printAddresses(edge.url);
  if (options.has("--exit")) {
    await stopEdge(edge);
    return 0;
  }
  const how = await edge.ended;
  if (!signal.aborted) say(red(`\n  ${endedByItself(how)}`));
  return 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(`\n  ${red(error instanceof Error ? error.message : String(error))}`);
  process.exitCode = 1;
}
