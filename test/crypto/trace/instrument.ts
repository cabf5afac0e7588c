/**
 * Rewrites a WebAssembly module so that it records what an observer of its timing could see.
 *
 * Before every load, store, memory.fill and memory.copy (SIMD lanes, splats and zero-extending forms
 * included) the address goes to a log in linear memory; before every if, br_if, br_table, select and
 * call_indirect the condition; before every division both operands. The module is otherwise the same
 * code: what is traced is the optimised binary that ships. An unknown instruction is an error.
 */
import { BodyWriter, constant, get, I32, type Site } from "./body-writer.ts";
import { Reader, section, sections, u32 } from "./wasm-bytes.ts";

const LOG_PAGES = 512; // 32 MiB: four million records
const PAGE_BYTES = 65_536;

export interface Instrumented {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sites: readonly Site[];
  /** Where the log begins; its end is the exported global `trace_at`. */
  readonly logStart: number;
}

/** Parameters of each function of the module, by its type. */
function parameterCounts(types: Uint8Array, functions: Uint8Array): number[] {
  const reader = new Reader(types);
  const counts: number[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    if (reader.byte() !== 0x60) throw new Error("instrument: not a function type");
    const parameters = reader.u32();
    reader.skip(parameters);
    reader.skip(reader.u32());
    counts.push(parameters);
  }
  const list = new Reader(functions);
  return Array.from({ length: list.u32() }, () => counts[list.u32()] ?? 0);
}

function rewriteBody(
  body: Uint8Array,
  parameters: number,
  trace: number,
  sites: Site[],
  index: number,
): number[] {
  const reader = new Reader(body);
  const groups = reader.u32();
  const localsStart = reader.at;
  let locals = parameters;
  for (let i = 0; i < groups; i++) {
    locals += reader.u32();
    reader.byte();
  }
  const extra = BodyWriter.EXTRA_LOCALS.flatMap(([count, type]) => [...u32(count), type]);
  const head = [
    ...u32(groups + BodyWriter.EXTRA_LOCALS.length),
    ...body.subarray(localsStart, reader.at),
    ...extra,
  ];
  const writer = new BodyWriter(reader, locals, trace, sites, index);
  while (reader.at < body.length) writer.instruction();
  const out = [...head, ...writer.out];
  return [...u32(out.length), ...out];
}

/** `bytes` with records. @throws Error on a module that this pass does not fully understand. */
export function instrument(bytes: Uint8Array): Instrumented {
  const parts = sections(bytes);
  const part = (id: number): Uint8Array => {
    const found = parts.find((entry) => entry.id === id);
    if (found === undefined) throw new Error(`instrument: no section ${id}`);
    return found.content;
  };
  if (parts.some(({ id }) => id === 2 || id === 8)) {
    throw new Error("instrument: imports or a start function");
  }
  const parameters = parameterCounts(part(1), part(3));
  const trace = parameters.length;
  const typeCount = new Reader(part(1)).u32();
  const globalCount = new Reader(part(6)).u32();

  const memory = new Reader(part(5));
  if (memory.u32() !== 1 || memory.byte() !== 1) throw new Error("instrument: expected one memory");
  const pages = memory.u32();
  const logStart = pages * PAGE_BYTES;

  const sites: Site[] = [];
  const code = new Reader(part(10));
  const bodies = Array.from({ length: code.u32() }, (_, i) => {
    const length = code.u32();
    return rewriteBody(code.take(length), parameters[i] ?? 0, trace, sites, i);
  });
  // (func (param $site i32) (param $value i32)): two stores at the end of the log, which moves on.
  const end = [0x23, ...u32(globalCount)];
  const traceBody = [
    0,
    ...end,
    ...get(0),
    0x36,
    2,
    0,
    ...end,
    ...get(1),
    0x36,
    2,
    4,
    ...end,
    ...constant(8),
    0x6a,
    0x24,
    ...u32(globalCount),
    0x0b,
  ];
  const exportName = [...new TextEncoder().encode("trace_at")];
  const appended: Record<number, (content: Uint8Array) => number[]> = {
    1: (content) => append(content, [0x60, 2, I32, I32, 0]),
    3: (content) => append(content, u32(typeCount)),
    5: () => [1, 1, ...u32(pages + LOG_PAGES), ...u32(pages + LOG_PAGES)],
    6: (content) => append(content, [I32, 1, ...constant(logStart), 0x0b]),
    7: (content) => append(content, [...u32(8), ...exportName, 3, ...u32(globalCount)]),
    10: () => [...u32(bodies.length + 1), ...bodies.flat(), ...u32(traceBody.length), ...traceBody],
  };
  const out = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  for (const { id, content } of parts) {
    if (id === 0) continue; // names and other custom sections
    out.push(...section(id, appended[id]?.(content) ?? [...content]));
  }
  return { bytes: Uint8Array.from(out), sites, logStart };
}

/** A vector section's content with one element more. */
function append(content: Uint8Array, element: number[]): number[] {
  const reader = new Reader(content);
  const count = reader.u32();
  return [...u32(count + 1), ...content.subarray(reader.at), ...element];
}
