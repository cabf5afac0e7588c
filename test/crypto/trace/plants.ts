/**
 * Faults of timing, each put into a copy of assembly/ and compiled as the product is. What was
 * compiled is kept under build/, by the hash of all that it was made from.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import asc from "assemblyscript/asc";

export interface Plant {
  readonly name: string;
  /** The kind of record that gives it away. */
  readonly kind: "address" | "length" | "condition";
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

export const PLANTS: readonly Plant[] = [
  {
    name: "a table look-up in the key schedule",
    kind: "address",
    file: "aes.ts",
    before: "word = subWord(rotr<u32>(word, 8)) ^ rcon;",
    after: "word = subWord(rotr<u32>(word, 8)) ^ rcon ^ (load<u8>(SHIFT_ROWS + (word & 63)) & 1);",
  },
  {
    name: "a look-up that loads one lane of a vector",
    kind: "address",
    file: "key-wrap.ts",
    before: "      v128.store64_lane(at, block, 1);",
    after:
      "      v128.store64_lane(at, block, 1);\n" +
      "      a = v128.load8_lane(data + (i8x16.extract_lane_u(block, 0) & 7), a, 0);",
  },
  {
    name: "an early exit from a comparison",
    kind: "condition",
    file: "equal.ts",
    before: "load<u8>(DATA + length + i);",
    after: "load<u8>(DATA + length + i);\n    if (different != 0) break;",
  },
  {
    name: "a select on a secret",
    kind: "condition",
    file: "key-wrap.ts",
    before: "return <u32>(<i64>(bad | (0 - bad)) >> 63);",
    after:
      "return select<u32>(0xffffffff, load<u32>(DATA), bad != 0) | (bad != 0 ? 0xffffffff : 0);",
  },
  {
    name: "a branch on a bit of the key",
    kind: "condition",
    file: "aes.ts",
    before: "  let rcon: u32 = 1;",
    after: "  let rcon: u32 = 1;\n  if ((load<u8>(KEY) & 1) != 0) store<u32>(DATA, 7);",
  },
  {
    name: "a fill whose length is secret",
    kind: "length",
    file: "aes.ts",
    before: "  let rcon: u32 = 1;",
    after: "  let rcon: u32 = 1;\n  memory.fill(DATA, 0, load<u8>(KEY) & 7);",
  },
];

const root = new URL("../../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

interface AsConfig {
  readonly targets: { readonly release: Readonly<Record<string, unknown>> };
  readonly options: Readonly<Record<string, unknown>>;
}

/** The options of assembly/asconfig.json as asc takes them on its command line. */
const config = JSON.parse(read("assembly/asconfig.json")) as AsConfig;
const OPTIONS = Object.entries({ ...config.targets.release, ...config.options })
  .filter(([name]) => name !== "outFile" && name !== "converge")
  .flatMap(([name, value]) => [`--${name}`, ...(value === true ? [] : [String(value)])]);

/**
 * The module with `plant` in it: compiled, or as it was compiled from the same sources before.
 *
 * @throws Error if the source has no such line, or does not compile.
 */
export async function plantedCore(plant: Plant): Promise<Uint8Array> {
  const sources = plantedSources(plant);
  const key = createHash("sha256").update(JSON.stringify([asc.version, OPTIONS, ...sources]));
  const file = new URL(`build/plants/${key.digest("hex")}.wasm`, root);
  if (existsSync(file)) return new Uint8Array(readFileSync(file));
  const binary = await compile(sources);
  mkdirSync(new URL(".", file), { recursive: true });
  // In one step: another process may be reading.
  const partial = new URL(`${file.href}.${process.pid}`);
  writeFileSync(partial, binary);
  renameSync(partial, file);
  return binary;
}

/** Every source of the module by its path, `plant` in its own. */
function plantedSources(plant: Plant): Map<string, string> {
  const names = readdirSync(new URL("assembly/", root)).filter((name) => name.endsWith(".ts"));
  const sources = new Map(names.sort().map((name) => [name, read(`assembly/${name}`)]));
  const source = sources.get(plant.file) ?? "";
  if (!source.includes(plant.before)) throw new Error(`plant: ${plant.name} has no place`);
  return sources.set(plant.file, source.replace(plant.before, plant.after));
}

async function compile(sources: ReadonlyMap<string, string>): Promise<Uint8Array> {
  let binary: Uint8Array | null = null;
  const { error, stderr } = await asc.main(
    ["assembly/index.ts", "--outFile", "core.wasm", ...OPTIONS],
    {
      // null: asc tries several paths for one import.
      readFile: (name) => sources.get(name.replace(/^(\.\/)?assembly\//, "")) ?? null,
      writeFile: (name, contents) => {
        if (name.endsWith("core.wasm") && typeof contents !== "string") binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || binary === null) throw new Error(`plant: ${error}\n${stderr}`);
  return binary;
}
