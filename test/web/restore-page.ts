/**
 * Driving the restore tool as a person would: by what is written on it.
 */

import type { BrowserContext, Download, Page } from "playwright-core";
import { expect } from "vitest";
import { pageProblems } from "./page-checks.ts";

export interface NamedFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

export function backupFile(buffer: Buffer, name = "cluster.hbk"): NamedFile {
  return { name, mimeType: "application/vnd.holdfast.backup", buffer };
}

export function kitFile(text: string): NamedFile {
  return { name: "recovery-kit.json", mimeType: "application/json", buffer: Buffer.from(text) };
}

export interface Check {
  readonly id: string;
  readonly state: string;
}

export class RestorePage {
  readonly page: Page;
  readonly #address: string;
  /** What went wrong in the page since it was opened: script errors, refused policies, console errors. */
  readonly errors: string[] = [];
  /** Addresses the page has asked for since it was opened. */
  readonly requests: string[] = [];

  private constructor(page: Page, address: string) {
    this.page = page;
    this.#address = address;
    page.on("pageerror", (error) => this.errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("framenavigated", (frame) => {
      if (frame !== page.mainFrame()) return;
      this.errors.length = 0;
      this.requests.length = 0;
    });
  }

  static async open(context: BrowserContext, url: string): Promise<RestorePage> {
    const restore = new RestorePage(await context.newPage(), url);
    await restore.openAnew();
    return restore;
  }

  /** Loads the page once more: what was done on it is gone, and so is what was noted of it. */
  async openAnew(): Promise<void> {
    await this.page.goto(this.#address);
    await this.page.getByRole("heading", { level: 1 }).waitFor();
  }

  button(name: string | RegExp) {
    return this.page.getByRole("button", {
      name,
      ...(typeof name === "string" ? { exact: true } : {}),
    });
  }

  tab(name: string | RegExp) {
    return this.page.getByRole("tab", { name });
  }

  async choose(backup: NamedFile, kit: NamedFile): Promise<void> {
    await this.page.getByLabel("for Backup").setInputFiles(backup);
    await this.page.getByText(backup.name).waitFor();
    await this.page.getByLabel("for Recovery kit").setInputFiles(kit);
    await this.page.getByText(kit.name).waitFor();
  }

  async verify(): Promise<void> {
    await this.button("Verify the backup").click();
    await this.page
      .getByRole("button", { name: /See what is inside|Choose other files/ })
      .waitFor({ timeout: 60_000 });
  }

  /** Chooses, verifies and enters. */
  async enter(backup: NamedFile, kit: NamedFile): Promise<void> {
    await this.choose(backup, kit);
    await this.verify();
    await this.button("See what is inside").click();
    await this.page.getByRole("heading", { name: "Inside the backup" }).waitFor();
  }

  async checks(): Promise<Check[]> {
    return await this.page.locator("[data-check]").evaluateAll((items) =>
      items.map((item) => ({
        id: item.getAttribute("data-check") ?? "",
        state: item.getAttribute("data-state") ?? "",
      })),
    );
  }

  /** Texts of the cells of the table that is shown, a row at a time. */
  async rows(): Promise<string[][]> {
    return await this.page
      .locator("tbody tr")
      .evaluateAll((rows) =>
        rows.map((row) => [...row.children].map((cell) => cell.textContent ?? "")),
      );
  }

  async login(name: string, password: string): Promise<void> {
    await this.tab(/^Users/).click();
    await this.button(`Log in as ${name}`).click();
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("dialog").getByRole("button", { name: "Log in" }).click();
    await this.page
      .locator(`[data-session="${name}"], [role=alert]`)
      .first()
      .waitFor({ timeout: 30_000 });
  }

  async openKey(label: string): Promise<void> {
    await this.tab(/^Keys/).click();
    await this.page.locator("tbody").getByRole("button", { name: label, exact: true }).click();
    await this.page.getByRole("dialog").waitFor();
  }

  async download(name: string): Promise<Buffer> {
    const [download] = await Promise.all([
      this.page.waitForEvent("download"),
      this.button(name).click(),
    ]);
    return await bytesOf(download);
  }

  async expectSound(): Promise<void> {
    expect(await pageProblems(this.page)).toEqual([]);
  }
}

async function bytesOf(download: Download): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of await download.createReadStream()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}
