import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { compileCore, coreBytes, verifyBundle } from "../../scripts/core/module.ts";
import { ModuleHashError, verifyModuleHash } from "../../src/crypto/module-hash.ts";

const { subtle } = globalThis.crypto;
const bytes = Uint8Array.from(readFileSync("build/core.wasm"));
const committed = readFileSync("assembly/core.wasm.sha256", "utf8");
/** It compiles and runs all the same: a character of an export's name. */
const changed = bytes.map((x, i) => (i === Buffer.from(bytes).indexOf("wipePassing") ? x ^ 1 : x));

describe("the module's hash", () => {
  it("is the committed one, in the form sha256sum prints", async () => {
    const digest = Buffer.from(await subtle.digest("SHA-256", bytes)).toString("hex");
    expect(committed).toBe(`${digest}  core.wasm\n`);
    await verifyModuleHash(subtle, bytes, digest);
    await verifyModuleHash(subtle, bytes, committed);
  });

  it("refuses a changed byte, and another or an empty hash", async () => {
    const digest = committed.slice(0, 64);
    for (const [module, expected] of [
      [changed, digest],
      [bytes, digest.replace(/^./, (x) => (x === "0" ? "1" : "0"))],
      [bytes, digest.slice(1)],
      [bytes, ""],
    ] as const) {
      await expect(verifyModuleHash(subtle, module, expected)).rejects.toThrow(ModuleHashError);
    }
  });
});

describe("what is compiled or shipped", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-module-"));
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  it("is the module of the committed hash", async () => {
    vi.stubEnv("HOLDFAST_CORE", undefined);
    expect(await coreBytes()).toEqual(bytes);
  });

  it("is never a module with a flipped byte, in Node", async () => {
    expect(WebAssembly.validate(changed)).toBe(true);
    const candidate = join(folder, "candidate.wasm");
    writeFileSync(candidate, changed);
    vi.stubEnv("HOLDFAST_CORE", candidate);
    await expect(compileCore()).rejects.toThrow(/ENOENT.*candidate\.wasm\.sha256/);
    writeFileSync(`${candidate}.sha256`, committed);
    await expect(compileCore()).rejects.toThrow(/has SHA-256 .*Do not use it/);
  });

  it("is never one in a bundle for the edge, nor a bundle without any", async () => {
    writeFileSync(join(folder, "index.js"), 'import core from "./ab-core.wasm";\n');
    writeFileSync(join(folder, "old-core.wasm"), "left by an earlier build, imported by nobody");
    await expect(verifyBundle(folder)).rejects.toThrow(/imports no module/);
    writeFileSync(join(folder, "ab-core.wasm"), bytes);
    await verifyBundle(folder);
    writeFileSync(join(folder, "ab-core.wasm"), changed);
    await expect(verifyBundle(folder)).rejects.toThrow(ModuleHashError);
  });
});
