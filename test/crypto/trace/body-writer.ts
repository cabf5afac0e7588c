/**
 * One function body of a WebAssembly module, copied instruction by instruction with records in between.
 *
 * Which instruction gives away what is decided here and nowhere else; an unknown one is an error.
 */
import { type Reader, signed, u32 } from "./wasm-bytes.ts";

export const I32 = 0x7f;
const I64 = 0x7e;
const F32 = 0x7d;
const F64 = 0x7c;
const V128 = 0x7b;

/** What a record of the log stands for. */
export interface Site {
  readonly kind: "address" | "length" | "condition" | "index" | "operand";
  /** Index of the function and offset of the instruction in it, for a finding's message. */
  readonly functionIndex: number;
  readonly offset: number;
  /** The constant that the instruction adds to an address. */
  readonly displacement: number;
  readonly isStore: boolean;
}

const STORE_TYPES: Readonly<Record<number, number>> = {
  54: I32,
  55: I64,
  56: F32,
  57: F64,
  58: I32,
  59: I32,
  60: I64,
  61: I64,
  62: I64,
};

const call = (index: number): number[] => [0x10, ...u32(index)];
export const get = (local: number): number[] => [0x20, ...u32(local)];
const set = (local: number): number[] => [0x21, ...u32(local)];
export const constant = (value: number): number[] => [0x41, ...signed(value)];

/** One function body on its way: its instructions are copied, with records in between. */
export class BodyWriter {
  readonly out: number[] = [];
  readonly #reader: Reader;
  readonly #firstLocal: number;
  readonly #traceFunction: number;
  readonly #sites: Site[];
  readonly #functionIndex: number;
  #start = 0;

  constructor(reader: Reader, firstLocal: number, trace: number, sites: Site[], index: number) {
    this.#reader = reader;
    this.#firstLocal = firstLocal;
    this.#traceFunction = trace;
    this.#sites = sites;
    this.#functionIndex = index;
  }

  /** Locals that this writer adds: three i32, then one i64, f32, f64 and v128. */
  static readonly EXTRA_LOCALS: readonly (readonly [count: number, type: number])[] = [
    [3, I32],
    [1, I64],
    [1, F32],
    [1, F64],
    [1, V128],
  ];

  #local(type: number, which = 0): number {
    const offsets: Record<number, number> = { [I32]: 0, [I64]: 3, [F32]: 4, [F64]: 5, [V128]: 6 };
    return this.#firstLocal + (offsets[type] ?? 0) + which;
  }

  /** Records local `value`; `truth` records only whether it is zero. */
  #record(kind: Site["kind"], value: number, displacement = 0, isStore = false): void {
    const site = this.#sites.length;
    const offset = this.#start;
    this.#sites.push({ kind, functionIndex: this.#functionIndex, offset, displacement, isStore });
    const truth = kind === "condition" ? [0x45, 0x45] : [];
    this.out.push(...constant(site), ...get(value), ...truth, ...call(this.#traceFunction));
  }

  /** The instruction as it was, from its opcode to here. */
  #copy(): void {
    this.out.push(...this.#reader.bytes.subarray(this.#start, this.#reader.at));
  }

  /** On top of the stack lies an address, and under `above` (a type) if that is given, a value. */
  #address(displacement: number, above: number | null, isStore: boolean): void {
    const address = this.#local(I32);
    const value = above === null ? null : this.#local(above, above === I32 ? 1 : 0);
    if (value !== null) this.out.push(...set(value));
    this.out.push(...set(address));
    this.#record("address", address, displacement, isStore);
    this.out.push(...get(address));
    if (value !== null) this.out.push(...get(value));
    this.#copy();
  }

  #condition(kind: "condition" | "index"): void {
    const value = this.#local(I32);
    this.out.push(...set(value));
    this.#record(kind, value);
    this.out.push(...get(value));
    this.#copy();
  }

  /** Three operands: where to, what or where from, how many. */
  #bulk(isCopy: boolean): void {
    const [to, from, length] = [0, 1, 2].map((i) => this.#local(I32, i)) as [
      number,
      number,
      number,
    ];
    this.out.push(...set(length), ...set(from), ...set(to));
    this.#record("address", to, 0, true);
    if (isCopy) this.#record("address", from);
    this.#record("length", length);
    this.out.push(...get(to), ...get(from), ...get(length));
    this.#copy();
  }

  /** 32-bit operands of a division; 64-bit division is not expected at all. */
  #division(): void {
    const [left, right] = [this.#local(I32), this.#local(I32, 1)];
    this.out.push(...set(right), ...set(left));
    this.#record("operand", left);
    this.#record("operand", right);
    this.out.push(...get(left), ...get(right));
    this.#copy();
  }

  #memoryArgument(): number {
    this.#reader.u32();
    return this.#reader.u32();
  }

  #control(opcode: number): void {
    const reader = this.#reader;
    switch (opcode) {
      case 0x02: // block
      case 0x03: // loop
      case 0x0c: // br
      case 0x10: // call
        reader.u32();
        this.#copy();
        break;
      case 0x04: // if
      case 0x0d: // br_if
        reader.u32();
        this.#condition("condition");
        break;
      case 0x0e: // br_table
        for (let count = reader.u32(); count >= 0; count--) reader.u32();
        this.#condition("index");
        break;
      case 0x11: // call_indirect
        reader.u32();
        reader.u32();
        this.#condition("index");
        break;
      case 0x1b: // select
        this.#condition("condition");
        break;
      case 0x1c: // select with types
        reader.skip(reader.u32());
        this.#condition("condition");
        break;
      default: // unreachable, nop, else, end, return, drop
        if (![0x00, 0x01, 0x05, 0x0b, 0x0f, 0x1a].includes(opcode)) this.#unknown(opcode);
        this.#copy();
    }
  }

  #unknown(opcode: number): never {
    throw new Error(`instrument: no rule for opcode 0x${opcode.toString(16)}`);
  }

  #simd(): void {
    const opcode = this.#reader.u32();
    if (opcode <= 10 || opcode === 92 || opcode === 93) {
      this.#address(this.#memoryArgument(), null, false); // load, extend, splat, zero
    } else if (opcode === 11) {
      this.#address(this.#memoryArgument(), V128, true);
    } else if (opcode === 12 || opcode === 13) {
      this.#reader.skip(16); // const, shuffle
      this.#copy();
    } else if (opcode >= 84 && opcode <= 91) {
      const displacement = this.#memoryArgument();
      this.#reader.skip(1); // load and store of one lane
      this.#address(displacement, V128, opcode >= 88);
    } else {
      if (opcode >= 21 && opcode <= 34) this.#reader.skip(1); // extract and replace a lane
      if (opcode > 255) this.#unknown(opcode); // relaxed SIMD: its results are not fixed
      this.#copy();
    }
  }

  #prefixed(): void {
    const opcode = this.#reader.u32();
    if (opcode === 10 || opcode === 11) {
      this.#reader.skip(opcode === 10 ? 2 : 1);
      this.#bulk(opcode === 10);
    } else {
      this.#unknown(0xfc00 + opcode);
    }
  }

  /** Plain loads and stores. */
  #access(opcode: number): void {
    const above = STORE_TYPES[opcode] ?? null;
    this.#address(this.#memoryArgument(), above, above !== null);
  }

  /** Locals, globals, constants and arithmetic, except division. */
  #plain(opcode: number): void {
    const isDivision64 = opcode >= 0x7f && opcode <= 0x82;
    if (isDivision64 || opcode > 0xc4 || opcode < 0x20) this.#unknown(opcode);
    if (opcode <= 0x24) this.#reader.u32();
    else if (opcode === 0x41 || opcode === 0x42) this.#reader.leb();
    else if (opcode < 0x45) this.#unknown(opcode);
    this.#copy();
  }

  /** Copies one instruction with its records. */
  instruction(): void {
    this.#start = this.#reader.at;
    const opcode = this.#reader.byte();
    if (opcode <= 0x1c) this.#control(opcode);
    else if (opcode >= 0x28 && opcode <= 0x3e) this.#access(opcode);
    else if (opcode >= 0x6d && opcode <= 0x70) this.#division();
    else if (opcode === 0xfc) this.#prefixed();
    else if (opcode === 0xfd) this.#simd();
    else this.#plain(opcode);
  }
}
