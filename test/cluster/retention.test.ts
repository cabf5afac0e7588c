import { describe, expect, it } from "vitest";
import {
  expiredBackups,
  MAX_RETENTION_DAYS,
  MIN_RETENTION_DAYS,
  mayEnd,
  nextExpiryMs,
  type RetainedBackup,
  retentionRefusal,
} from "../../src/cluster/retention.ts";

/** A sound one; made in the order of its date unless it is told otherwise. */
function ready(
  backupId: string,
  createdAtMs: number,
  changes: Partial<RetainedBackup> = {},
): RetainedBackup {
  const facts = { state: "READY", sound: true, neverExpires: false, restoredAtMs: 0 } as const;
  return { backupId, createdAtMs, chainNumber: createdAtMs, ...facts, ...changes };
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

function damaged(backupId: string, createdAtMs: number): RetainedBackup {
  return ready(backupId, createdAtMs, { sound: false });
}

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
    [
      "what is older in the chain, and not what a clock that was ahead makes look older",
      [ready("a", 0), ready("b", 40_000, { chainNumber: 1 }), ready("c", 50, { chainNumber: 2 })],
      1_000,
      ["a"],
    ],
    ["not the one that a damaged one follows", [ready("a", 0), damaged("b", 50)], 1_000, []],
    [
      "what a sound one follows, whatever follows that",
      [ready("a", 0), ready("b", 1), damaged("c", 2), damaged("d", 3)],
      1_000,
      ["a"],
    ],
    ["a damaged one that a sound one follows", [damaged("a", 0), ready("b", 50)], 1_000, ["a"]],
    ["nothing where none is sound", [damaged("a", 0), damaged("b", 1)], 1_000, []],
    [
      "not the one that is followed by one on its way out",
      [ready("a", 0), ready("b", 1, { state: "PENDING_DELETION" }), damaged("c", 2)],
      1_000,
      [],
    ],
    [
      "what a person brought back only after another retention",
      [ready("a", 0, { restoredAtMs: 901 }), ready("b", 1, { restoredAtMs: 900 }), ready("c", 2)],
      1_000,
      ["b"],
    ],
    [
      "nothing earlier for a restore that a clock dated before it was made",
      [ready("a", 950, { restoredAtMs: 10 }), ready("b", 960)],
      1_000,
      [],
    ],
  ])("takes %s", (_, backups, nowMs, expired) => {
    expect(expiredBackups(backups, RETENTION_MS, nowMs)).toEqual(expired);
  });

  it("is next due when the oldest backup under the policy expires", () => {
    const backups = [ready("a", 5, { neverExpires: true }), ready("b", 10), ready("c", 20)];
    expect(nextExpiryMs(backups, RETENTION_MS)).toBe(110);
    expect(nextExpiryMs([ready("a", 0)], RETENTION_MS)).toBeNull();
    const dated = [ready("a", 500, { chainNumber: 1 }), ready("b", 5, { chainNumber: 2 })];
    expect(nextExpiryMs([...dated, ready("c", 900)], RETENTION_MS)).toBe(105);
    expect(nextExpiryMs([ready("a", 0), damaged("b", 1)], RETENTION_MS)).toBeNull();
  });

  it("ends a backup only where a newer one is sound by then", () => {
    expect(mayEnd(ready("a", 1), ready("b", 2))).toBe(true);
    expect(mayEnd(ready("b", 2), ready("a", 1))).toBe(false);
    expect(mayEnd(ready("a", 1), null)).toBe(false);
  });
});
