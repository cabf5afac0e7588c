/**
 * The edge's program as plain JavaScript: a crash costs a start, and to translate the sources at each
 * takes longer than all that the edge does then.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { build } from "vite";

const SOURCE = "scripts/edge/edge.ts";
const FOLDER = "build/edge-process";

let built: Promise<string> | undefined;

/** The file, built once for this process. */
export function edgeProgram(): Promise<string> {
  built ??= buildProgram();
  return built;
}

async function buildProgram(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "silent",
    build: { write: false, ssr: SOURCE, target: "node20" },
  });
  const [output] = Array.isArray(result) ? result : [result];
  const chunks = output && "output" in output ? output.output : [];
  const hash = createHash("sha256")
    .update(JSON.stringify(chunks.map(codeOf)))
    .digest("hex");
  const folder = `${FOLDER}/${hash}`;
  // What other sources made is of no more use, and nobody starts from it for long.
  for (const other of existsSync(FOLDER) ? readdirSync(FOLDER) : []) {
    if (other !== hash) rmSync(`${FOLDER}/${other}`, { recursive: true, force: true });
  }
  mkdirSync(`${folder}/assets`, { recursive: true });
  for (const chunk of chunks) {
    // In one step: another process may be starting from it.
    const partial = `${folder}/${process.pid}.part`;
    writeFileSync(partial, codeOf(chunk));
    renameSync(partial, `${folder}/${chunk.fileName}`);
  }
  return `${folder}/edge.js`;
}

function codeOf(chunk: { readonly type: string; readonly code?: string }): string {
  if (chunk.code === undefined) throw new Error(`unreachable: a ${chunk.type} in a program`);
  return chunk.code;
}
