/**
 * The script that bench/core-page.ts runs in a page: `startBench` and `runBench` are called from outside.
 */
import { PlatformBench, type PlatformOrder } from "./platform-cases.ts";

let bench: PlatformBench | null = null;

Object.assign(globalThis, {
  async startBench(wasmBase64: string): Promise<void> {
    const bytes = Uint8Array.from(atob(wasmBase64), (character) => character.charCodeAt(0));
    bench = new PlatformBench(await WebAssembly.compile(bytes));
  },
  async runBench(order: PlatformOrder): Promise<void> {
    await bench?.run(order);
  },
});
