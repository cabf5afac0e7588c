import { ensureCore } from "../../scripts/edge/build.ts";

/** The WASM module that the unit tests instantiate. */
export default function setup(): void {
  ensureCore();
}
