/**
 * The one form of a record: what differs from how it would be written is refused. FORMAT.md §4.
 */
import { describe, expect, it } from "vitest";
import { DEFAULT_POLICIES } from "../../../src/hsm/access/policies.ts";
import { policyCodec } from "../../../src/hsm/memory/policy-record.ts";
import { MAX_RECORD_BYTES } from "../../../src/hsm/memory/record.ts";
import { snapshotSource } from "../../../src/hsm/memory/snapshot.ts";
import { activeHsm, codeOf } from "../../lib/hsm.ts";
import { changeKey, copyOf, restored } from "./records.ts";

describe("a record that is not as it would be written", () => {
  const policy = policyCodec.encode(DEFAULT_POLICIES);
  const good = Uint8Array.of(0x82, ...policy, 0x40);
  const refusal = (bytes: Uint8Array, type: 1 | 2 | 3 | 4 | 5 = 2, id = 0) =>
    codeOf(() => restored([{ type, id, bytes }]));

  it("is accepted as it is written", () => {
    expect(restored([{ type: 2, id: 0, bytes: good }]).count(2)).toBe(1);
  });

  it("is refused with any bit flipped that does not make another valid policy", async () => {
    const accepted = new Set<number>();
    for (let bit = 0; bit < 8 * good.length; bit++) {
      const bytes = good.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      try {
        const store = restored([{ type: 2, id: 0, bytes }]);
        const [again] = copyOf(snapshotSource(store).records());
        expect(again?.bytes).toEqual(bytes);
        accepted.add(bit >> 3);
      } catch (error) {
        expect(error).toMatchObject({ fault: { code: "record_invalid" } });
      }
    }
    // The values of eight numbers: the ninth, in bytes 5 and 6, is 32 and
    // no other bit leaves it in bounds.
    expect([...accepted]).toEqual([3, 8, 10, 12, 14, 16, 18, 20]);
  });

  it("is refused at every truncation, and with a byte more", async () => {
    for (let length = 0; length < good.length; length++) {
      expect(await refusal(good.subarray(0, length))).toBe("record_invalid");
    }
    expect(await refusal(Uint8Array.of(...good, 0))).toBe("record_invalid");
  });

  it.each<[string, number[]]>([
    ["a longer head than needed for its secret", [0x82, ...policy, 0x58, 0x00]],
    ["an indefinite secret", [0x82, ...policy, 0x5f, 0xff]],
    ["text for a secret", [0x82, ...policy, 0x60]],
    ["a secret that its type has not", [0x82, ...policy, 0x41, 0x00]],
    ["a longer array", [0x83, ...policy, 0x40, 0x40]],
    ["a policy out of bounds", [0x82, ...replaced(policy, 2, 7), 0x40]],
    ["keys out of order", [0x82, 0xa2, 0x02, 0x08, 0x01, 0x08, 0x40]],
    ["a key twice", [0x82, 0xa2, 0x01, 0x08, 0x01, 0x08, 0x40]],
    ["a missing attribute", [0x82, 0xa1, 0x01, 0x08, 0x40]],
    ["an unknown attribute", [0x82, 0xaa, ...policy.subarray(1), 0x0a, 0x00, 0x40]],
  ])("is refused with %s", async (_, bytes) => {
    expect(await refusal(Uint8Array.from(bytes))).toBe("record_invalid");
  });

  it("is refused under another number or type", async () => {
    expect(await refusal(good, 2, 1)).toBe("record_invalid");
    expect(await refusal(good, 1, 0)).toBe("record_invalid");
    expect(await refusal(good, 5, 1)).toBe("record_invalid");
    expect(await refusal(good, 2, -1)).toBe("record_invalid");
  });

  it("is refused beyond 64 KiB", async () => {
    expect(await refusal(new Uint8Array(MAX_RECORD_BYTES + 1).fill(0x82))).toBe("record_invalid");
  });

  it("is refused where the material does not fit the attributes", async () => {
    const { store, hsm, alice } = await activeHsm();
    const { handle } = await hsm.generateKey(alice, { type: "aes", sizeBits: 256 });
    changeKey(store, handle, { sizeBits: 128 });
    const [key] = copyOf(snapshotSource(store).records()).filter(({ type }) => type === 5);
    expect(await refusal(key!.bytes, 5, handle)).toBe("record_invalid");
  });
});

function replaced(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = byte;
  return copy;
}
