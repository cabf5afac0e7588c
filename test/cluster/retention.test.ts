import { describe, expect, it } from "vitest";
import {
  expiredBackups,
  MAX_RETENTION_DAYS,
  MIN_RETENTION_DAYS,
  nextExpiryMs,
  type RetainedBackup,
  retentionRefusal,
} from "../../src/cluster/retention.ts";

function ready(backupId: string, createdAtMs: number, changes: Partial<RetainedBackup> = {}) {
  return { backupId, state: "READY", createdAtMs, neverExpires: false, ...changes } as const;
}

describe("the retention policy", () => {
  it.each([
    [MIN_RETENTION_DAYS - 1, false],
    [MIN_RETENTION_DAYS, true],
    [90, true],
    [MAX_RETENTION_DAYS, true],
    [MAX_RETENTION_DAYS + 1, false],
    [7.5, false],
    [Number.NaN, false],
  ])("of %d days is allowed: %s", (days, allowed) => {
    expect(retentionRefusal(days) === null).toBe(allowed);
  });
});

describe("the purge", () => {
  const RETENTION_MS = 100;

  it.each<[string, RetainedBackup[], number, string[]]>([
    ["nothing of an empty cluster", [], 1_000, []],
    ["never the last one, however old", [ready("a", 0)], 1_000_000, []],
    ["the older of two", [ready("a", 0), ready("b", 50)], 100, ["a"]],
    ["nothing a millisecond too early", [ready("a", 0), ready("b", 50)], 99, []],
    ["all but the newest", [ready("c", 2), ready("a", 0), ready("b", 1)], 1_000, ["a", "b"]],
    ["none exempt", [ready("a", 0, { neverExpires: true }), ready("b", 50)], 1_000, []],
    [
      "none that is on its way out already, which does not count as the last either",
      [ready("a", 0), ready("b", 50, { state: "PENDING_DELETION" })],
      1_000,
      [],
    ],
    [
      "none in the making",
      [ready("a", 0), ready("b", 1), ready("c", 2, { state: "CREATE_IN_PROGRESS" })],
      1_000,
      ["a"],
    ],
  ])("takes %s", (_, backups, nowMs, expired) => {
    expect(expiredBackups(backups, RETENTION_MS, nowMs)).toEqual(expired);
  });

  it("is next due when the oldest backup under the policy expires", () => {
    const backups = [ready("a", 5, { neverExpires: true }), ready("b", 10), ready("c", 20)];
    expect(nextExpiryMs(backups, RETENTION_MS)).toBe(110);
    expect(nextExpiryMs([ready("a", 0)], RETENTION_MS)).toBeNull();
  });
});
