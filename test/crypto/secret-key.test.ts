/**
 * SecretKey: its bytes are its own, and gone when it is disposed of.
 */
import { describe, expect, it } from "vitest";
import { SecretKey } from "../../src/crypto/secret-key.ts";

describe("a secret key", () => {
  it("copied from a Buffer shares no memory with it", () => {
    const bytes = Buffer.from("00112233", "hex");
    const key = SecretKey.copyOf(bytes);
    const clone = key.clone();
    bytes.fill(0);
    key[Symbol.dispose]();
    expect(clone.use((held) => Buffer.from(held).toString("hex"))).toBe("00112233");
  });

  it("zeroes its bytes on disposal, and may be disposed of again", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const key = new SecretKey(bytes);
    key[Symbol.dispose]();
    key[Symbol.dispose]();
    expect([...bytes]).toEqual([0, 0, 0]);
    expect(() => key.length).toThrow(TypeError);
    expect(() => key.use(() => null)).toThrow(TypeError);
  });

  it("shows nothing of itself as text or JSON", () => {
    const key = new SecretKey(Uint8Array.of(65, 66));
    expect(`${key} ${JSON.stringify({ key })}`).toBe('[SecretKey] {"key":"[SecretKey]"}');
  });
});
