/**
 * The restore tool in a real browser: as an installed page with the network off, and as one file.
 *
 * The same suite runs on both. No request may leave the page from the moment it is open.
 */
import { createPrivateKey, createPublicKey, verify } from "node:crypto";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchBrowser } from "../lib/browser.ts";
import { passwordOf } from "../lib/hsm.ts";
import { type Edge, startEdge } from "../lib/mf.ts";
import { backupFile, kitFile, RestorePage } from "./restore-page.ts";
import {
  AES_LABEL,
  changedKit,
  HOSTILE_LABEL,
  KEPT_LABEL,
  makeSampleBackup,
  type SampleBackup,
  SIGNING_LABEL,
  STRANGE_LABEL,
  STRANGE_NAME,
  WRONG_KITS,
} from "./sample-backup.ts";

let browser: Browser;
let edge: Edge;
let sample: SampleBackup;

beforeAll(async () => {
  sample = await makeSampleBackup();
  edge = await startEdge();
  ({ browser } = await launchBrowser());
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
});

/** Nothing moves, so that what is looked at has its final colours. */
const STILL = { acceptDownloads: true, reducedMotion: "reduce" } as const;

/** The installed page: visited once online, then opened again without a network. */
async function openInstalled(): Promise<RestorePage> {
  const context = await browser.newContext(STILL);
  const visit = await context.newPage();
  await visit.goto(new URL("/restore", edge.url).href);
  await visit.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await visit.close();
  await context.setOffline(true);
  return await RestorePage.open(context, new URL("/restore", edge.url).href);
}

/** The single file, opened from the disk of a machine that has no network. */
async function openSingleFile(): Promise<RestorePage> {
  const context = await browser.newContext({ ...STILL, offline: true });
  return await RestorePage.open(context, pathToFileURL(resolve("dist/restore/restore.html")).href);
}

const HELD = ["held", "held", "held", "held", "held", "held", "held", "held", "held"];

describe.each([
  // The part for hybrid keys comes when it is needed, out of what the service worker keeps.
  ["the installed page, offline", openInstalled, ["/assets/hybrid"]],
  ["the single file", openSingleFile, []],
])("%s", (_name, open, kept) => {
  let tool: RestorePage;
  beforeAll(async () => {
    tool = await open();
  });
  beforeEach(() => tool.openAnew());
  afterAll(() => tool?.page.context().close());

  it("restores a backup, shows it, signs and exports, and reaches no network", async () => {
    const { page } = tool;
    tool.requests.length = 0;
    await tool.choose(backupFile(sample.sealed), kitFile(sample.kit));
    await tool.verify();
    expect((await tool.checks()).map(({ state }) => state)).toEqual(HELD);
    await tool.button("See what is inside").click();
    const digest = await page.locator(".digest-groups").first().innerText();
    expect(digest.replace(/\s/g, "")).toBe(sample.stateDigest);

    await tool.tab(/^Users/).click();
    const users = await tool.rows();
    expect(users.map(([name]) => name)).toEqual([
      ...["admin", "alice", "app_user", "bob", STRANGE_NAME.shown, "mallory"],
    ]);
    expect(users[5]?.[2]).toBe("Locked");
    await tool.tab(/^Certificates/).click();
    expect(await tool.rows()).toHaveLength(3);
    await tool.tab(/^Keys/).click();
    const keys = await tool.rows();
    expect(keys.map(([label]) => label)).toContain(HOSTILE_LABEL);
    expect(keys).toHaveLength(5);

    await tool.login("alice", passwordOf("alice"));
    await tool.openKey(SIGNING_LABEL);
    await page.getByLabel("What to sign, as text").fill("release 1.0");
    await tool.button("Sign").click();
    const signature = Buffer.from(await page.locator("[data-result=base64]").innerText(), "base64");
    const key = {
      key: createPublicKey(sample.signingPublicPem),
      dsaEncoding: "ieee-p1363",
    } as const;
    expect(verify("sha256", Buffer.from("release 1.0"), key, signature)).toBe(true);
    expect(await tool.download("Save as a file")).toEqual(signature);
    const der = await tool.download("Save as DER (OpenSSL)");
    expect(verify("sha256", Buffer.from("release 1.0"), sample.signingPublicPem, der)).toBe(true);

    await tool.tab("Export").click();
    await page.getByLabel("I understand").check();
    await tool.button("Export the key").click();
    const exported = createPrivateKey(await page.locator("[data-result=exported]").innerText());
    expect(exported.equals(createPrivateKey(sample.signingKeyPem))).toBe(true);
    await tool.button("Close").click();

    const asked = tool.requests.filter((url) => !/^(data|blob):/.test(url));
    expect(asked.map((url) => new URL(url).pathname.replace(/-.*/, ""))).toEqual(kept);
    expect(tool.errors).toEqual([]);
  });

  it("keeps to the protections of the original", async () => {
    const { page } = tool;
    await tool.enter(backupFile(sample.sealed), kitFile(sample.kit));
    await tool.login("mallory", passwordOf("mallory"));
    expect(await page.getByRole("alert").innerText()).toContain("is locked");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();

    await tool.login("bob", "not-bobs-password");
    expect(await page.getByRole("alert").innerText()).toContain("wrong");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    expect((await tool.rows()).find(([name]) => name === "bob")?.[2]).toBe("1 failed login");

    await tool.login("bob", passwordOf("bob"));
    await tool.openKey(SIGNING_LABEL);
    await tool.tab("Export").click();
    await page.getByLabel("I understand").check();
    await tool.button("Export the key").click();
    expect(await page.getByRole("alert").innerText()).toContain("belongs to another user");
    await tool.button("Close").click();
    await page.getByRole("button", { name: "Log out" }).click();

    await tool.login("alice", passwordOf("alice"));
    await tool.openKey(KEPT_LABEL);
    await tool.tab("Export").click();
    await tool.button("Ask the HSM anyway").click();
    expect(await page.getByRole("alert").innerText()).toContain("does not leave the HSM");
    expect(tool.errors).toEqual([]);
  });

  it("encrypts and decrypts, and verifies a signature", async () => {
    const { page } = tool;
    await tool.enter(backupFile(sample.sealed), kitFile(sample.kit));
    await tool.login("bob", passwordOf("bob"));
    await tool.openKey(AES_LABEL);
    await page.getByLabel("What to encrypt, as text").fill("attack at dawn");
    await tool.button("Encrypt").click();
    const ciphertext = await page.locator("[data-result=base64]").innerText();
    await tool.tab("Decrypt").click();
    await page.getByLabel("What to decrypt, as base64").fill(ciphertext);
    await tool.button("Decrypt").click();
    expect(await page.locator("[data-result=text]").innerText()).toBe("attack at dawn");
    await tool.button("Close").click();

    await tool.openKey(SIGNING_LABEL); // Shared with bob.
    await page.getByLabel("What to sign, as text").fill("x");
    await tool.button("Sign").click();
    const signature = await page.locator("[data-result=base64]").innerText();
    await tool.tab("Verify").click();
    await page.getByLabel("What was signed, as text").fill("x");
    await page.getByLabel("Signature, in base64").fill(signature);
    await tool.button("Verify the signature").click();
    await page.getByText("The signature is valid").waitFor();
    await page.getByLabel("What was signed, as text").fill("y");
    await tool.button("Verify the signature").click();
    await page.getByText("The signature is not valid").waitFor();
    expect(tool.errors).toEqual([]);
  });

  it("shows a hostile label as text", async () => {
    await tool.enter(backupFile(sample.sealed), kitFile(sample.kit));
    await tool.openKey(HOSTILE_LABEL);
    expect(await tool.page.getByRole("dialog").locator("h2").innerText()).toBe(HOSTILE_LABEL);
    expect(await tool.page.locator("img").count()).toBe(0);
    expect(await tool.page.evaluate("globalThis.pwned")).toBeUndefined();
    expect(tool.errors).toEqual([]);
  });

  it("shows names and labels as what they are, and logs in under such a name", async () => {
    const { page } = tool;
    const disguised = backupFile(sample.sealed, "fdp.\u202ekbh");
    await page.getByLabel("for Backup").setInputFiles(disguised);
    await page.getByText("fdp.⟨U+202E⟩kbh").waitFor();
    await tool.enter(backupFile(sample.sealed), kitFile(sample.kit));
    await tool.tab(/^Keys/).click();
    const row = (await tool.rows()).find(([label]) => label === STRANGE_LABEL.shown);
    expect(row?.[3]).toBe(STRANGE_NAME.shown);
    await tool.login(STRANGE_NAME.shown, passwordOf("eve"));
    expect(await page.locator("[data-session]").innerText()).toContain(STRANGE_NAME.shown);
    await tool.openKey(STRANGE_LABEL.shown);
    await page.getByLabel("What to encrypt, as text").fill("x");
    await tool.button("Encrypt").click();
    await page.locator("[data-result=base64]").waitFor();
    expect(await page.locator("#app").innerText()).not.toMatch(/[\u200b\u202e\0]/);
    expect(tool.errors).toEqual([]);
  });

  it.each(WRONG_KITS)("says of a wrong kit: $title", async ({ title, code, change }) => {
    await tool.choose(backupFile(sample.sealed), kitFile(changedKit(sample.kit, change)));
    await tool.verify();
    const alert = await tool.page.getByRole("alert").innerText();
    expect(alert).toContain(title);
    expect(alert).toContain(code);
    expect((await tool.checks()).filter(({ state }) => state === "failed")).toHaveLength(1);
    expect(await tool.button("See what is inside").count()).toBe(0);
  });

  it("says of a damaged, a cut and a newer file what they are", async () => {
    const flipped = Buffer.from(sample.sealed);
    const at = flipped.length - 2000;
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    const newer = Buffer.from(sample.sealed);
    newer[9] = 2;
    for (const [file, title, check] of [
      [flipped, "The backup is damaged", "body_digest"],
      [sample.sealed.subarray(0, -1), "The backup is incomplete", "body_digest"],
      [newer, "The backup was made by a newer version", "envelope"],
    ] as const) {
      await tool.choose(backupFile(Buffer.from(file)), kitFile(sample.kit));
      await tool.verify();
      expect(await tool.page.getByRole("alert").innerText()).toContain(title);
      const checks = await tool.checks();
      expect(checks.filter(({ state }) => state === "failed").map(({ id }) => id)).toEqual([check]);
      expect(checks.filter(({ state }) => state === "running")).toEqual([]);
      await tool.button("Choose other files").click();
    }
  });

  it("refuses what is no backup or no kit before anything is read", async () => {
    const { page } = tool;
    await tool.choose(backupFile(Buffer.from("PK\u0003\u0004 an archive"), "a.zip"), kitFile("{}"));
    const text = await page.locator("main").innerText();
    expect(text).toContain("This file is not a Holdfast backup");
    expect(text).toContain("This is not a usable recovery kit");
    expect(await tool.button("Verify the backup").isDisabled()).toBe(true);
  });

  it("opens a bare container, and takes the kit as pasted text", async () => {
    const { page } = tool;
    await page.getByLabel("for Backup").setInputFiles(backupFile(sample.bare));
    await tool.button("Paste it as text").click();
    await page.getByLabel("Text of the recovery kit").fill(`\ufeff${sample.kit}`);
    await tool.button("Use this text").click();
    await page.getByText("Pasted text").waitFor();
    await tool.verify();
    const states = (await tool.checks()).map(({ state }) => state);
    expect(states.filter((state) => state === "skipped")).toHaveLength(3);
    expect(states.filter((state) => state === "held")).toHaveLength(6);
    expect((await page.locator("#app").innerHTML()).includes("pkcs8")).toBe(false);
  });

  it("forgets everything on Start over, and stores nothing", async () => {
    const { page } = tool;
    await tool.enter(backupFile(sample.sealed), kitFile(sample.kit));
    await tool.login("alice", passwordOf("alice"));
    await tool.button("Start over").click();
    await page.getByRole("heading", { name: "Open a backup with its recovery kit" }).waitFor();
    expect(await tool.button("Verify the backup").isDisabled()).toBe(true);
    expect(await page.evaluate(() => localStorage.length + sessionStorage.length)).toBe(0);
    expect(await page.evaluate(() => document.cookie)).toBe("");
    expect(new URL(page.url()).search).toBe("");
  });

  it("may not reach the network even if it tried", async () => {
    const refused = await tool.page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          document.addEventListener("securitypolicyviolation", (event) =>
            resolve(event.effectiveDirective),
          );
          fetch("https://example.org/").catch(() => undefined);
        }),
    );
    expect(refused).toBe("connect-src");
  });

  it("answers a challenge for the kit's recovery key, and refuses another's", async () => {
    const { document, answer } = sample.challenge;
    const file = (document: object) => ({
      name: "challenge.json",
      mimeType: "application/json",
      buffer: Buffer.from(JSON.stringify(document)),
    });
    await tool.choose(file(document), kitFile(sample.kit));
    await tool.button("Answer the challenge").click();
    const shown = tool.page.locator("[data-result=answer]");
    expect(await shown.innerText()).toBe(answer);
    await tool.expectSound();
    await tool.choose(file({ ...document, keyId: "0".repeat(32) }), kitFile(sample.kit));
    expect(await shown.count()).toBe(0);
    await tool.button("Answer the challenge").click();
    const code = tool.page.getByRole("alert").locator("code");
    expect(await code.innerText()).toBe("challenge_key_absent");
  });

  it("is sound in every state", async () => {
    await tool.expectSound();
    await tool.choose(backupFile(sample.sealed), kitFile(sample.kit));
    await tool.expectSound();
    await tool.verify();
    await tool.expectSound();
    await tool.button("See what is inside").click();
    for (const name of [/^Users/, /^Keys/, /^Certificates/, /^Policies/]) {
      await tool.tab(name).click();
      await tool.expectSound();
    }
    await tool.login("alice", passwordOf("alice"));
    await tool.openKey(SIGNING_LABEL);
    for (const name of ["Verify", "Export", "Sign"]) {
      await tool.tab(name).click();
      await tool.expectSound();
    }
  });
});
