/** What differs between two memories by their manifests: FORMAT.md §4.3. */
import { describe, expect, it } from "vitest";
import type { ManifestEntry } from "../../src/backup/container/manifest.ts";
import { diffManifests } from "../../src/backup/diff.ts";
import type { RecordType } from "../../src/hsm/memory/record.ts";

/** An entry of "type/id=digest", the digest as one byte of 32. */
function entryOf(text: string): ManifestEntry {
  const [type = 0, id = 0, digest = 0] = text.split(/[/=]/).map(Number);
  return { type: type as RecordType, id, digest: new Uint8Array(32).fill(digest) };
}

function diff(before: string, after: string): string {
  const entries = (text: string) => text.split(" ").filter(Boolean).map(entryOf);
  const { added, removed, changed } = diffManifests(entries(before), entries(after));
  const names = (list: readonly { type: number; id: number }[]) =>
    list.map(({ type, id }) => `${type}/${id}`).join(" ");
  return `+ ${names(added)} - ${names(removed)} ~ ${names(changed)}`;
}

describe("the difference of two manifests", () => {
  it.each([
    ["", "", "+  -  ~ "],
    ["1/0=1 5/1=2", "1/0=1 5/1=2", "+  -  ~ "],
    ["1/0=1 5/1=2", "1/0=1 5/1=3", "+  -  ~ 5/1"],
    ["", "1/0=1 5/1=2", "+ 1/0 5/1 -  ~ "],
    ["1/0=1 5/1=2", "", "+  - 1/0 5/1 ~ "],
    ["1/0=1", "1/0=1 5/1=2 5/2=2", "+ 5/1 5/2 -  ~ "],
    ["1/0=1 5/1=2 5/2=2", "1/0=1", "+  - 5/1 5/2 ~ "],
    ["1/0=1 5/2=2", "1/0=1 5/1=2 5/2=2", "+ 5/1 -  ~ "],
    ["3/9=1 5/1=2", "3/8=1 4/1=2 5/1=4", "+ 3/8 4/1 - 3/9 ~ 5/1"],
  ])("of '%s' and '%s' is '%s'", (before, after, expected) => {
    expect(diff(before, after)).toBe(expected);
  });

  it("goes by the type first, whatever the numbers", () => {
    expect(diff("3/9=1", "5/1=1")).toBe("+ 5/1 - 3/9 ~ ");
    expect(diff("5/1=1", "3/9=1")).toBe("+ 3/9 - 5/1 ~ ");
  });
});
