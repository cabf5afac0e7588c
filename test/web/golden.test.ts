/**
 * The vectors in the single file: the golden files, this page opens; and of one faulty file for
 * each code it says the code that the specification gives it.
 */
import { createPublicKey, verify, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { memoryFile } from "../../src/backup/file.ts";
import { BackupError } from "../../src/backup/format/errors.ts";
import { peekBackup } from "../../src/backup/inspect.ts";
import { vectorBytes, vectorText } from "../backup/fixtures.ts";
import { GOLDEN_AES_KEY, GOLDEN_PASSWORDS } from "../backup/golden/hsm.ts";
import { INDEX } from "../backup/vectors/readers.ts";
import { launchBrowser } from "../lib/browser.ts";
import { backupFile, kitFile, RestorePage } from "./restore-page.ts";

let browser: Browser;
let kit: string;
let tool: RestorePage;

beforeAll(async () => {
  kit = vectorText("keys/kit_holder/kit.json");
  ({ browser } = await launchBrowser());
  const context = await browser.newContext({ offline: true, reducedMotion: "reduce" });
  const url = pathToFileURL(resolve("dist/restore/restore.html")).href;
  tool = await RestorePage.open(context, url);
});

beforeEach(() => tool.openAnew());

afterAll(async () => {
  await browser?.close();
});

function goldenFile(name: string) {
  return backupFile(Buffer.from(vectorBytes(`golden/${name}.hbk`)));
}

it.each(["v1-empty", "v1-empty-bare", "v1-full-bare"])("opens %s", async (name) => {
  await tool.enter(goldenFile(name), kitFile(kit));
  expect(tool.errors).toEqual([]);
});

it("opens v1-full, logs in with a real password, signs and exports", async () => {
  const { page } = tool;
  await tool.enter(goldenFile("v1-full"), kitFile(kit));
  await tool.login("alice", GOLDEN_PASSWORDS["alice"] ?? "");
  await tool.openKey("ec P-256");
  const publicPem = await tool.download("Save as PEM");
  await page.getByLabel("What to sign, as text").fill("golden");
  await tool.button("Sign").click();
  const der = await tool.download("Save as DER (OpenSSL)");
  expect(verify("sha256", Buffer.from("golden"), publicPem.toString(), der)).toBe(true);
  await tool.tab("Export").click();
  await page.getByLabel("I understand").check();
  await tool.button("Export the key").click();
  const exported = await page.locator("[data-result=exported]").innerText();
  expect(createPublicKey(exported).equals(createPublicKey(publicPem))).toBe(true);
  await tool.button("Close").click();
  await tool.openKey("aes-256 known");
  await tool.tab("Export").click();
  await page.getByLabel("I understand").check();
  await tool.button("Export the key").click();
  const known = await page.locator("[data-result=exported]").innerText();
  expect(known.trim()).toBe(GOLDEN_AES_KEY);
  await tool.button("Close").click();
  await tool.tab(/^Policies/).click();
  const anchor = await tool.download("Save as customerCA.crt");
  const given = readFileSync("test/hsm/certificates/ca.pem", "utf8");
  expect(new X509Certificate(anchor).fingerprint256).toBe(
    new X509Certificate(given).fingerprint256,
  );
  expect(tool.errors).toEqual([]);
});

/**
 * Whether a kit holder can come as far as the fault: of a sealed file, only with a recovery key.
 */
async function isForKits(bytes: Uint8Array): Promise<boolean> {
  try {
    const hints = await peekBackup(memoryFile(bytes));
    return hints.kind === "bare" || hints.restorableOffline;
  } catch (error) {
    if (error instanceof BackupError) return true; // The fault is at the front.
    throw error;
  }
}

/** Files that an owner cannot read though nothing else is expected: one for each fault. */
async function faultyFiles() {
  const chosen = new Map<string, { file: string; code: string }>();
  for (const { file, keys, expectation, expect: expected } of INDEX.vectors) {
    if (expected.outcome !== "refused" || keys !== "owner") continue;
    if (Object.keys(expectation).length > 0 || !(await isForKits(vectorBytes(file)))) continue;
    const { code, which, part } = expected;
    const fault = [code, which, part].join(" ");
    if (!chosen.has(fault)) chosen.set(fault, { file, code });
  }
  return [...chosen.values()];
}

it("says the code of a faulty file for each fault", async () => {
  const files = await faultyFiles();
  expect(new Set(files.map(({ code }) => code)).size).toBeGreaterThan(12);
  for (const { file, code } of files) {
    const buffer = Buffer.from(vectorBytes(file));
    await tool.choose(backupFile(buffer, basename(file)), kitFile(kit));
    const begins = await tool.page.getByText("This file is not a Holdfast backup").count();
    if (begins > 0) {
      const told = buffer.length < 8 ? "truncated" : "not_ours";
      expect(`${file}: ${told}`).toBe(`${file}: ${code}`);
      continue;
    }
    await tool.verify();
    const said = await tool.page.getByRole("alert").locator("code").innerText();
    expect(`${file}: ${said}`).toBe(`${file}: ${code}`);
    expect((await tool.checks()).filter(({ state }) => state === "failed")).toHaveLength(1);
    await tool.button("Choose other files").click();
  }
});
