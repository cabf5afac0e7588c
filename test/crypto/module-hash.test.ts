import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { verifyModuleHash } from "../../src/crypto/module-hash.ts";

const { subtle } = globalThis.crypto;
const bytes = Uint8Array.from(readFileSync("build/core.wasm"));

describe("the module's hash", () => {
  it("is that of the build, in the form sha256sum prints", async () => {
    const digest = Buffer.from(await subtle.digest("SHA-256", bytes)).toString("hex");
    await verifyModuleHash(subtle, bytes, digest);
    await verifyModuleHash(subtle, bytes, `${digest}  core.wasm\n`);
  });

  it("refuses a changed byte, and another or an empty hash", async () => {
    const digest = Buffer.from(await subtle.digest("SHA-256", bytes)).toString("hex");
    const changed = bytes.map((x, i) => (i === 1000 ? x ^ 1 : x));
    for (const [module, expected] of [
      [changed, digest],
      [bytes, digest.replace(/^./, (x) => (x === "0" ? "1" : "0"))],
      [bytes, digest.slice(1)],
      [bytes, ""],
    ] as const) {
      await expect(verifyModuleHash(subtle, module, expected)).rejects.toThrow(/SHA-256/);
    }
  });
});
