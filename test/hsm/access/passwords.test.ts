import { pbkdf2Sync } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  DEFAULT_PASSWORD_COST,
  deriveVerifier,
  generateVerifier,
  verifyPasswordRules,
} from "../../../src/hsm/access/passwords.ts";
import { DEFAULT_POLICIES } from "../../../src/hsm/access/policies.ts";
import { CHEAP, codeOf } from "../../lib/hsm.ts";

const { subtle } = globalThis.crypto;

/** The chain as docs/HSM.md §2.3 describes it, by Node's own PBKDF2. */
function chained(password: string, salt: Uint8Array, calls: number, rounds: number): string {
  let held: Uint8Array = Buffer.from(password, "utf8");
  for (let index = 0; index < calls; index++) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(index);
    held = pbkdf2Sync(held, Buffer.concat([salt, number]), rounds, 32, "sha256");
  }
  return Buffer.from(held).toString("hex");
}

describe("password verifiers", () => {
  it("takes 600,000 rounds, in calls that production workerd allows", () => {
    const { calls, roundsPerCall } = DEFAULT_PASSWORD_COST;
    expect(calls * roundsPerCall).toBe(600_000);
    expect(roundsPerCall).toBeLessThanOrEqual(100_000);
  });

  it.each([
    [1, 1],
    [2, 10],
    [6, 100],
  ])("chains %i calls of %i rounds as documented", async (calls, roundsPerCall) => {
    const salt = new Uint8Array(16).fill(7);
    const verifier = await deriveVerifier(subtle, "pässword 1", salt, { calls, roundsPerCall });
    const hex = verifier.use((bytes) => Buffer.from(bytes).toString("hex"));
    expect(hex).toBe(chained("pässword 1", salt, calls, roundsPerCall));
  });

  it("gives one verifier for one text, however its letters are composed", async () => {
    const salt = new Uint8Array(16);
    const [composed, decomposed] = await Promise.all(
      ["p\u00e4ssword", "pa\u0308ssword"].map(async (password) =>
        (await deriveVerifier(subtle, password, salt, CHEAP)).use((bytes) => [...bytes]),
      ),
    );
    expect(composed).toEqual(decomposed);
  });

  it.each([
    ["a lone surrogate", "password\ud800", "password\ufffd"],
    ["NUL at the end", "password\0", "password"],
    ["two NULs at the end", "password\0\0", "password"],
  ])("gives %s another one than what it would be taken for", async (_name, given, taken) => {
    const salt = new Uint8Array(16);
    const [one, other] = await Promise.all(
      [given, taken].map(async (password) =>
        (await deriveVerifier(subtle, password, salt, CHEAP)).use((bytes) => [...bytes]),
      ),
    );
    expect(one).not.toEqual(other);
  });

  it("takes a fresh salt each time", async () => {
    const random = (n: number) => globalThis.crypto.getRandomValues(new Uint8Array(n));
    const source = { subtle, random, passwordCost: CHEAP };
    const one = await generateVerifier(source, "password", (call) => call());
    const two = await generateVerifier(source, "password", (call) => call());
    expect(one.salt).not.toEqual(two.salt);
  });

  it.each([
    [7, "password_invalid"],
    [8, null],
    [32, null],
    [33, "password_invalid"],
  ])("judges a password of %i characters: %s", async (length, code) => {
    const judge = () => verifyPasswordRules("ä".repeat(length), DEFAULT_POLICIES);
    if (code === null) judge();
    else expect(await codeOf(judge)).toBe(code);
  });

  it.each(["\0", "\t", "\n", "\u001b", "\u007f", "\u0085", "\u2028", "\ud800", "\udc00"])(
    "refuses a new password with %j",
    async (character) => {
      const judge = () => verifyPasswordRules(`good-${character}-password`, DEFAULT_POLICIES);
      expect(await codeOf(judge)).toBe("password_invalid");
    },
  );
});
