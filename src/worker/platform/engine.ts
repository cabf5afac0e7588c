/**
 * What the engine takes from the platform: randomness, and the compiled module.
 */
import coreModule from "../../../build/core.wasm";
import { Core } from "../../crypto/core.ts";

/** Fresh bytes from the CSPRNG, at most 65,536. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** A core with memory of its own. The caller closes it, which wipes that. */
export function openCore(): Core {
  return new Core(coreModule);
}
