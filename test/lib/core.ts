/**
 * The core in Node: reads and compiles build/core.wasm once per process.
 */
import { readFileSync } from "node:fs";
import { Core } from "../../src/crypto/core.ts";

let compiled: WebAssembly.Module | undefined;

/** The module as built. Path by HOLDFAST_CORE, for a candidate build; default build/core.wasm. */
export function coreModule(): WebAssembly.Module {
  const path = process.env["HOLDFAST_CORE"] ?? new URL("../../build/core.wasm", import.meta.url);
  compiled ??= new WebAssembly.Module(readFileSync(path));
  return compiled;
}

/** A fresh core. */
export function loadCore(): Promise<Core> {
  return Promise.resolve(new Core(coreModule()));
}
