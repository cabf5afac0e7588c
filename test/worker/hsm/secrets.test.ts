/**
 * Only the variables and the recovery kit hold secrets: nothing the edge writes does.
 */
import { beforeAll, expect, it } from "vitest";
import { type ScanReport, scanAfterStory } from "../../../scripts/check/story-scan.ts";

let report: ScanReport;

beforeAll(async () => {
  report = await scanAfterStory();
}, 240_000);

it("finds none of the secrets used in logs, databases, objects and downloads", () => {
  expect(report.findings).toEqual([]);
  expect(report.secrets).toBeGreaterThan(25);
});

it("has searched for the digests of users and keys as well", () => {
  expect(report.digests).toBeGreaterThan(5);
});

it("has searched databases with their write-ahead logs, objects and the log", () => {
  for (const pattern of [/\.sqlite$/, /\.sqlite-wal$/, /\/blobs\//, /edge\.log$/, /\.hbk$/]) {
    expect(report.files.filter((file) => pattern.test(file))).not.toEqual([]);
  }
});

it("finds a planted canary, so that the search can fail", () => {
  expect(report.canaries.length).toBeGreaterThanOrEqual(4);
});
