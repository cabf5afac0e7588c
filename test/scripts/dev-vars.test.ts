import { spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { generateSecrets } from "../../scripts/edge/dev-secrets.ts";
import { encodeDevVars, parseDevVars } from "../../scripts/edge/dev-vars.ts";
import { parseAgePublicKey } from "../../src/backup/format/age-keys.ts";
import { parseKit } from "../../src/backup/kit/kit.ts";

const { bindings, kit } = await generateSecrets();

it("reads back the variables it writes", () => {
  expect(parseDevVars(encodeDevVars(bindings))).toEqual(bindings);
});

it("refuses a value that would end its own quotes", () => {
  expect(() => encodeDevVars({ NAME: "it's" })).toThrow("NAME: expected a value without");
});

it("keeps every variable within the 5 KB that Workers allow", () => {
  for (const value of Object.values(bindings)) expect(value.length).toBeLessThan(5_000);
});

it("makes roots that sign themselves and may sign others", () => {
  const ca = JSON.parse(bindings["MANUFACTURER_CA"] ?? "") as Record<
    string,
    { certificate: string; key: string }
  >;
  for (const { certificate } of Object.values(ca)) {
    const root = new X509Certificate(certificate);
    expect(root.ca).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
  }
});

it("makes a kit that the engine takes, for the same keys as the variables", () => {
  using parsed = parseKit(kit);
  const publicKey = parseAgePublicKey(bindings["RECOVERY_PUBLIC_KEY"] ?? "");
  const id = createHash("sha256").update(publicKey).digest("hex").slice(0, 32);
  expect(parsed.recoveryKeys[0]?.id).toBe(id);
  const { mkbk } = JSON.parse(bindings["MANUFACTURER"] ?? "") as { mkbk: { key: string }[] };
  const held = parsed.ring.mkbk[0]?.key?.use((bytes) => Buffer.from(bytes).toString("base64"));
  expect(held).toBe(mkbk[0]?.key);
});

it("says what to do where nothing was started yet", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-"));
  try {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", import.meta.resolve("tsx"), resolve("scripts/edge/aws-env.ts")],
      { cwd: folder, encoding: "utf8" },
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("run `npm start` first");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
