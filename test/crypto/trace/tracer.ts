/**
 * An instrumented instance of the core: runs exports and hands back what they gave away.
 */
import { type Instrumented, instrument } from "./instrument.ts";

type Exported = (...parameters: number[]) => number;

/** What one run gave away, in order: pairs of site and value. */
export type Trace = Uint32Array;

export class Tracer {
  readonly #instrumented: Instrumented;
  readonly #exports: WebAssembly.Exports;
  readonly #memory: ArrayBuffer;

  constructor(bytes: Uint8Array) {
    this.#instrumented = instrument(bytes);
    const module = new WebAssembly.Module(this.#instrumented.bytes);
    this.#exports = new WebAssembly.Instance(module, {}).exports;
    this.#memory = (this.#exports["memory"] as WebAssembly.Memory).buffer;
  }

  /** Names of the exported functions. */
  get functions(): string[] {
    return Object.keys(this.#exports).filter((name) => typeof this.#exports[name] === "function");
  }

  /** Address of an exported region. */
  region(name: string): number {
    return (this.#exports[name] as WebAssembly.Global).value as number;
  }

  put(region: string, bytes: Uint8Array, offset = 0): void {
    new Uint8Array(this.#memory).set(bytes, this.region(region) + offset);
  }

  take(region: string, length: number, offset = 0): Uint8Array {
    const start = this.region(region) + offset;
    return new Uint8Array(this.#memory).slice(start, start + length);
  }

  call(name: string, ...parameters: number[]): number {
    return (this.#exports[name] as Exported)(...parameters);
  }

  /** Empties the log, runs `f`, and returns what it gave away. */
  trace(f: () => void): Trace {
    const at = this.#exports["trace_at"] as WebAssembly.Global;
    at.value = this.#instrumented.logStart;
    f();
    const end = at.value as number;
    return new Uint32Array(this.#memory.slice(this.#instrumented.logStart, end));
  }

  /** `trace` up to the first store to VERDICT, the one declassification; null if there is none. */
  beforeVerdict(trace: Trace): Trace | null {
    const verdict = this.region("VERDICT");
    for (let i = 0; i < trace.length; i += 2) {
      const site = this.#instrumented.sites[trace[i] ?? 0];
      if (site?.isStore && (trace[i + 1] ?? 0) + site.displacement === verdict) {
        return trace.subarray(0, i);
      }
    }
    return null;
  }

  /** Where two traces part, in words; null if they are equal. */
  difference(a: Trace, b: Trace): string | null {
    if (Buffer.compare(bytesOf(a), bytesOf(b)) === 0) return null;
    let i = 0;
    while (a[i] === b[i] && a[i + 1] === b[i + 1] && i < a.length) i += 2;
    const site = this.#instrumented.sites[(i < a.length ? a[i] : b[i]) ?? 0];
    const where = site && `${site.kind} in function ${site.functionIndex} at ${site.offset}`;
    return `record ${i / 2} of ${a.length / 2} and ${b.length / 2}: ${where}`;
  }
}

function bytesOf(trace: Trace): Uint8Array {
  return new Uint8Array(trace.buffer, trace.byteOffset, trace.byteLength);
}
