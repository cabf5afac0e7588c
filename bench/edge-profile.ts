/**
 * Where the time of an operation at the edge goes, from a CPU profile of the worker's isolate.
 *
 * Each sample counts for the innermost function that one of the sources below owns; which source a
 * function is of stands in the comments of the bundle.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** V8's CPU profile, as much of it as is read here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

export const EDGE_PARTS = [
  "SQLite",
  "row MACs",
  "wrap at rest",
  "key wrap",
  "hashing",
  "AES-GCM",
  "records",
  "collector",
  "other",
] as const;
export type EdgePart = (typeof EDGE_PARTS)[number];

/** The first that matches owns the function; null leaves it to the caller. */
const OWNERS: readonly (readonly [RegExp, EdgePart | null])[] = [
  [/^src\/worker\/hsm\/storage-key\.ts$/, "wrap at rest"],
  [/^src\/worker\/hsm\/row-(seal|encoding)\.ts$/, "row MACs"],
  [/^src\/worker\/hsm\/(store|rows|generations|spool|(sealed|own)-\w+)\.ts$/, "SQLite"],
  [/^src\/crypto\/(kek|key-wrap-\w+)\.ts$/, "key wrap"],
  [/^src\/crypto\/(memory|secret-key)\.ts$/, null],
  [/^src\/crypto\//, "hashing"],
  [/^src\/backup\/(seal|envelope|recipients)\.ts$/, "AES-GCM"],
  [/^src\/hsm\//, "records"],
  [/^src\//, "other"],
];

const OF_ROWS: readonly EdgePart[] = ["wrap at rest", "row MACs"];

/** Time outside JavaScript: workerd waits there, for the network, the disk and other isolates. */
const OUTSIDE: readonly string[] = ["(idle)", "(program)", "(root)"];

/** Milliseconds by part of the time in JavaScript, and in what it calls. */
export function splitProfile(
  profile: CpuProfile,
  bundleFolder: string,
): Readonly<Record<EdgePart, number>> {
  const sourceAt = sourcesOf(readFileSync(join(bundleFolder, "index.js"), "utf8"));
  const parents = new Map<number, ProfileNode>();
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  for (const node of profile.nodes) for (const id of node.children ?? []) parents.set(id, node);
  const owners = new Map<number, EdgePart>();
  const ownerOf = (node: ProfileNode): EdgePart => {
    const known = owners.get(node.id);
    if (known !== undefined) return known;
    const chain: ProfileNode[] = [];
    for (let at: ProfileNode | undefined = node; at; at = parents.get(at.id)) chain.push(at);
    const owned = chain.flatMap(({ callFrame }) => ownerOfFrame(callFrame, sourceAt) ?? []);
    // Key wrap and HMAC that a row asks for are of the row, however deep they lie.
    const owner = owned.find((part) => OF_ROWS.includes(part)) ?? owned[0] ?? "other";
    owners.set(node.id, owner);
    return owner;
  };
  const ms: Record<EdgePart, number> = {
    SQLite: 0,
    "row MACs": 0,
    "wrap at rest": 0,
    "key wrap": 0,
    hashing: 0,
    "AES-GCM": 0,
    records: 0,
    collector: 0,
    other: 0,
  };
  for (const [i, id] of profile.samples.entries()) {
    const node = nodes.get(id);
    if (node === undefined || OUTSIDE.includes(node.callFrame.functionName)) continue;
    const isCollector = node.callFrame.functionName === "(garbage collector)";
    // A sample stands for the time until the next one.
    ms[isCollector ? "collector" : ownerOf(node)] += (profile.timeDeltas[i + 1] ?? 0) / 1000;
  }
  return ms;
}

function ownerOfFrame(
  { url, lineNumber }: ProfileNode["callFrame"],
  sourceAt: (line: number) => string,
): EdgePart | null {
  if (!url.endsWith("index.js")) return null; // The engine's own, or WebAssembly.
  const source = sourceAt(lineNumber);
  return OWNERS.find(([pattern]) => pattern.test(source))?.[1] ?? null;
}

/** The source file that each line of the bundle is of: esbuild names it above its code. */
function sourcesOf(bundle: string): (line: number) => string {
  const marks: [line: number, source: string][] = [];
  for (const [line, text] of bundle.split("\n").entries()) {
    const source = /^\/\/ (\S+\.\w+)$/.exec(text)?.[1];
    if (source !== undefined) marks.push([line, source]);
  }
  return (line) => marks.findLast(([from]) => from <= line)?.[1] ?? "";
}
