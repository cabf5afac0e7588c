import { execFileSync } from "node:child_process";

/** Builds the WASM module that the unit tests instantiate. */
export default function setup(): void {
  if (process.env["HOLDFAST_PREBUILT"]) return;
  execFileSync("npm", ["run", "-s", "build:wasm"], { stdio: "pipe" });
}
