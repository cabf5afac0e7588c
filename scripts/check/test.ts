/**
 * `npm test`: the tests; types and style are looked at beside the build, which leaves a core idle.
 *
 * What the two have to say is shown at the end, and any of the three fails the command.
 */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";

interface Ended {
  readonly name: string;
  readonly code: number;
  readonly output: string;
}

/** Runs a tool of node_modules; what it prints is shown at once, or kept. */
function run(name: string, command: readonly string[], isShown: boolean): Promise<Ended> {
  const [tool = "", ...words] = command;
  const child = spawn(process.execPath, [`node_modules/${tool}`, ...words], {
    stdio: isShown ? "inherit" : ["ignore", "pipe", "pipe"],
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => output.push(chunk));
  }
  return new Promise((ended) => {
    child.once("error", (error) => ended({ name, code: 1, output: error.message }));
    child.once("close", (code) =>
      ended({ name, code: code ?? 1, output: Buffer.concat(output).toString() }),
    );
  });
}

const looks = async (): Promise<Ended[]> => [
  await run("types", ["typescript/bin/tsc", "-b"], false),
  await run("style", ["@biomejs/biome/bin/biome", "ci"], false),
];
const beside = looks();
if (availableParallelism() === 1) await beside;
const tests = await run("tests", ["vitest/vitest.mjs", "run", ...process.argv.slice(2)], true);
const ended = [tests, ...(await beside)];
for (const { name, code, output } of ended) {
  if (output.trim() !== "") console.log(output.trimEnd());
  if (code !== 0) console.error(`${name}: failed`);
}
process.exitCode = ended.every(({ code }) => code === 0) ? 0 : 1;
