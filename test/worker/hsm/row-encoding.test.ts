/**
 * The bytes that a row's MAC is over, against docs/STORAGE.md written down the long way: rows that another
 * build wrote have to verify, and two rows never have the same bytes.
 */
import { expect, it } from "vitest";
import { RowEncoder, type SqlValue } from "../../../src/worker/hsm/row-encoding.ts";

const encoder = new RowEncoder();
const encoded = (table: string, values: readonly SqlValue[]) =>
  Buffer.concat(encoder.encode(table, values)).toString("hex");

function expected(table: string, values: readonly SqlValue[]): string {
  return [table, ...values].map((value) => tagged(...tagAndBytes(value))).join("");
}

function tagAndBytes(value: SqlValue): [tag: number, bytes: Buffer] {
  if (value === null) return [0, Buffer.alloc(0)];
  if (typeof value === "string") return [3, Buffer.from(value, "utf8")];
  if (typeof value !== "number") return [4, Buffer.from(new Uint8Array(value))];
  const bytes = Buffer.alloc(8);
  if (!Number.isSafeInteger(value)) {
    bytes.writeDoubleBE(value);
    return [2, bytes];
  }
  bytes.writeBigInt64BE(BigInt(value));
  return [1, bytes];
}

function tagged(tag: number, bytes: Buffer): string {
  const head = Buffer.alloc(5);
  head.writeUInt8(tag);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]).toString("hex");
}

const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => i * 7);

it.each<[string, SqlValue[]]>([
  ["nothing", []],
  ["null and empty ones", [null, "", new Uint8Array()]],
  ["small numbers", [0, -0, 1, -1, 255, 256]],
  ["numbers around 32 bits", [2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32 - 1, 2 ** 32, -(2 ** 32)]],
  ["the largest", [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, -(2 ** 32) - 1, 2 ** 45 + 3]],
  ["others", [0.5, -1.25, 2 ** 53, Number.MAX_VALUE]],
  ["text", ["a name", "ünïcödé", "漢字", "🔑", "x".repeat(127), "x".repeat(128), "x".repeat(129)]],
  [
    "text whose last character is not ASCII",
    [`${"x".repeat(126)}é`, "before", `${"y".repeat(9)}é`],
  ],
  ["text longer than the room", ["é".repeat(70_000), "behind"]],
  ["bytes", [bytes(1), bytes(300).buffer as ArrayBuffer, bytes(300).subarray(5, 20)]],
  ["bytes that are a piece of their own", ["before", bytes(8192), bytes(8193), 7, bytes(2 ** 20)]],
  ["long ones in a row", [bytes(9000), bytes(9001), "between", bytes(9002)]],
])("encodes %s", (_, values) => {
  expect(encoded("records", values)).toBe(expected("records", values));
});

it("keeps nothing of the row before", () => {
  encoded("records", ["a long one", bytes(60_000), "é".repeat(30_000)]);
  expect(encoded("local", ["x"])).toBe(expected("local", ["x"]));
});
