import { execFileSync } from "node:child_process";
import { isCoreBuilt } from "../../scripts/edge/build.ts";

/** Builds the WASM module that the unit tests instantiate, unless nothing has changed since. */
export default function setup(): void {
  if (isCoreBuilt()) return;
  execFileSync("npm", ["run", "-s", "build:wasm"], { stdio: "pipe" });
}
