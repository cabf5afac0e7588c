/**
 * The core in Node: build/core.wasm, verified and compiled once per process.
 */
import { compileCore } from "../../scripts/core/module.ts";
import { Core } from "../../src/crypto/core.ts";

const compiled = await compileCore();

/** The module as built. */
export function coreModule(): WebAssembly.Module {
  return compiled;
}

/** A fresh core. */
export function loadCore(): Promise<Core> {
  return Promise.resolve(new Core(compiled));
}
