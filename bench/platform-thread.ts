/**
 * A Web Worker of bench/core-page.ts: wraps for a while whenever it is told to.
 */
import { startWrapping } from "./wrapping.ts";

/** A module to begin with; after that, for how many milliseconds to work. */
type ThreadOrder = WebAssembly.Module | number;

let wrapFor: ReturnType<typeof startWrapping> | null = null;

addEventListener("message", ({ data }: MessageEvent<ThreadOrder>) => {
  if (typeof data !== "number") wrapFor = startWrapping(data);
  postMessage(typeof data === "number" ? wrapFor?.(data) : 0);
});
