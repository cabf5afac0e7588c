import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type RsaPrivateNumbers,
  rsaPrivateFault,
  rsaPublicFault,
} from "../../../src/hsm/keys/rsa-numbers.ts";

function magnitude(value: bigint): Uint8Array {
  const digits = value.toString(16);
  return Uint8Array.from(
    Buffer.from(digits.padStart(digits.length + (digits.length % 2), "0"), "hex"),
  );
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}

/** null where there is none. */
function inverse(value: bigint, modulus: bigint): bigint | null {
  let [a, b, x, y] = [modulus, ((value % modulus) + modulus) % modulus, 0n, 1n];
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return a === 1n ? ((x % modulus) + modulus) % modulus : null;
}

/** Numbers that belong together as those of a key do; p and q need not be prime for that. */
function keyOf(p: bigint, q: bigint, e: bigint): Record<keyof RsaPrivateNumbers, bigint> | null {
  const phi = ((p - 1n) * (q - 1n)) / gcd(p - 1n, q - 1n);
  const [d, qi] = [inverse(e, phi), inverse(q, p)];
  if (d === null || qi === null || d === 0n) return null;
  return { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi };
}

function bytesOf(numbers: Record<keyof RsaPrivateNumbers, bigint>): RsaPrivateNumbers {
  const entries = Object.entries(numbers).map(([name, value]) => [name, magnitude(value)]);
  return Object.fromEntries(entries) as unknown as RsaPrivateNumbers;
}

/** Odd, from 3, of limbs that are at their ends more often than chance has it. */
const oddNumber = (maxLimbs: number) =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff),
        fc.integer({ min: 0, max: 0xffff }),
      ),
      { minLength: 1, maxLength: maxLimbs },
    )
    .map((limbs) => limbs.reduce((value, limb) => (value << 16n) | BigInt(limb), 0n) | 3n);

describe("the numbers of a private RSA key", () => {
  const pair = fc.tuple(
    oddNumber(12),
    oddNumber(12),
    fc.constantFrom(3n, 17n, 65_537n, 0xffff_fffbn),
  );

  it("fit where BigInt says so", () => {
    let checked = 0;
    void fc.assert(
      fc.property(pair, ([p, q, e]) => {
        const key = keyOf(p, q, e);
        if (key === null) return;
        checked++;
        expect(rsaPrivateFault(bytesOf(key))).toBeNull();
      }),
      { numRuns: 3_000 },
    );
    expect(checked).toBeGreaterThan(300);
  });

  it("do not where one is changed", () => {
    const names = ["n", "e", "d", "p", "q", "dp", "dq", "qi"] as const;
    let checked = 0;
    void fc.assert(
      fc.property(
        pair,
        fc.constantFrom(...names),
        fc.integer({ min: 1, max: 3 }),
        ([p, q, e], name, change) => {
          const key = keyOf(p, q, e);
          if (key === null) return;
          const changed = { ...key, [name]: key[name] + 2n * BigInt(change) };
          const { n, d, dp, dq, qi } = changed;
          // What BigInt makes of the same relations: a small key may fit by chance.
          const phis = [changed.p - 1n, changed.q - 1n] as const;
          const fits =
            changed.p * changed.q === n &&
            d < n &&
            phis.every((phi) => (d * changed.e) % phi === 1n % phi) &&
            d % phis[0] === dp &&
            d % phis[1] === dq &&
            qi < changed.p &&
            (qi * changed.q) % changed.p === 1n;
          checked++;
          expect(rsaPrivateFault(bytesOf(changed)) === null).toBe(fits);
        },
      ),
      { numRuns: 3_000 },
    );
    expect(checked).toBeGreaterThan(300);
  });

  it("are left as they are", () => {
    const key = bytesOf(keyOf(1_009n, 2_003n, 17n) ?? never());
    const before = structuredClone(key);
    expect(rsaPrivateFault(key)).toBeNull();
    expect(key).toEqual(before);
  });
});

function never(): never {
  throw new Error("no such key");
}

describe("the modulus of a public RSA key", () => {
  const fault = (n: bigint, e = 65_537n) => rsaPublicFault({ n: magnitude(n), e: magnitude(e) });

  it("has no small factor and is no square", () => {
    expect(fault(1_000_003n * 1_000_033n)).toBeNull();
    expect(fault(751n * 1_000_003n)).toBe("its modulus n has the factor 751");
    expect(fault(757n * 1_000_003n)).toBeNull();
    void fc.assert(
      fc.property(fc.bigInt({ min: 2n, max: 2n ** 1_100n }), (root) => {
        const square = (root * 1_000_003n) ** 2n;
        expect(fault(square)).not.toBeNull();
        if (fault(square - 2n) !== null) expect(fault(square - 2n)).toContain("factor");
        if (fault(square + 2n) !== null) expect(fault(square + 2n)).toContain("factor");
      }),
    );
  });
});
