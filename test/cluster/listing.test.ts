import { describe, expect, it } from "vitest";
import {
  cutPage,
  type Facets,
  filterRows,
  filtersRefusal,
  mergeInOrder,
} from "../../src/cluster/listing.ts";

interface Row {
  readonly id: string;
  readonly createdAtMs: number;
  readonly state: string;
}

const FACETS: Facets<Row> = { ids: (row) => row.id, states: (row) => row.state, none: () => null };
const ROWS: Row[] = [
  { id: "b", createdAtMs: 2, state: "READY" },
  { id: "a", createdAtMs: 1, state: "READY" },
  { id: "d", createdAtMs: 3, state: "DELETED" },
  { id: "c", createdAtMs: 2, state: "PENDING_DELETION" },
];
const ids = (rows: readonly Row[]) => rows.map((row) => row.id).join("");

describe("filters", () => {
  it.each<[Record<string, string[]>, string]>([
    [{}, "badc"],
    [{ ids: ["a", "d"] }, "ad"],
    [{ states: ["READY"] }, "ba"],
    [{ states: ["READY", "PENDING_DELETION"] }, "bac"],
    [{ states: ["READY"], ids: ["a", "c"] }, "a"],
    [{ states: [] }, ""],
    [{ none: ["x"] }, ""],
    [{ ids: ["nobody"] }, ""],
  ])("%o take %s", (filters, expected) => {
    expect(ids(filterRows(ROWS, filters, FACETS))).toBe(expected);
  });

  it("are refused by an unknown name, one of Object.prototype included", () => {
    expect(filtersRefusal({ ids: [] }, FACETS)).toBeNull();
    expect(filtersRefusal({ colour: ["red"] }, FACETS)).toMatchObject({
      code: "filter_unknown",
      message: "Filter 'colour' is not known. The filters are: ids, states, none.",
    });
    expect(filtersRefusal({ toString: ["red"] }, FACETS)?.code).toBe("filter_unknown");
  });
});

describe("pages", () => {
  function walk(ascending: boolean, limit: number): string {
    let token: string | null = null;
    const pages: string[] = [];
    do {
      const page: ReturnType<typeof cutPage<Row>> = cutPage(ROWS, { ascending, limit, token });
      if ("message" in page) throw new Error(page.message);
      pages.push(ids(page.rows));
      token = page.nextToken;
    } while (token !== null);
    return pages.join("|");
  }

  it.each([
    [true, 1, "a|b|c|d"],
    [true, 3, "abc|d"],
    [true, 4, "abcd"],
    [false, 2, "dc|ba"],
    [false, 50, "dcba"],
  ])("ascending %s, %i at a time: %s", (ascending, limit, expected) => {
    expect(walk(ascending, limit)).toBe(expected);
  });

  it("go on behind a row that has gone since", () => {
    const first = cutPage(ROWS, { ascending: true, limit: 2, token: null });
    if ("message" in first) throw new Error(first.message);
    const rest = ROWS.filter((row) => row.id !== "b");
    const second = cutPage(rest, { ascending: true, limit: 2, token: first.nextToken });
    expect("rows" in second && ids(second.rows)).toBe("cd");
  });

  it("end where all that followed has gone since", () => {
    const first = cutPage(ROWS, { ascending: true, limit: 2, token: null });
    if ("message" in first) throw new Error(first.message);
    const rest = ROWS.filter((row) => row.id === "a");
    expect(cutPage(rest, { ascending: true, limit: 2, token: first.nextToken })).toEqual({
      rows: [],
      nextToken: null,
    });
  });

  it("go on behind ids as the service makes them", () => {
    const rows = ["backup-ro5c4er4aac", "backup-ro5c4er4aad"].map((id) => ({
      id,
      createdAtMs: 1_767_225_600_000,
    }));
    const first = cutPage(rows, { ascending: true, limit: 1, token: null });
    if ("message" in first) throw new Error(first.message);
    expect(cutPage(rows, { ascending: true, limit: 1, token: first.nextToken })).toEqual({
      rows: [rows[1]],
      nextToken: null,
    });
  });

  it.each(["", "x", "!!", "!1.a", "1.a!", "zzzzzzzzzzzzzzz.a", "1.", "1.a b"])(
    "refuse the token '%s'",
    (token) => {
      expect(cutPage(ROWS, { ascending: true, limit: 1, token })).toMatchObject({
        code: "token_invalid",
      });
    },
  );
});

describe("streams of rows", () => {
  const [b, a, d, c] = ROWS as [Row, Row, Row, Row];

  it.each<[string, boolean, Row[][], string]>([
    ["no stream", true, [], ""],
    ["empty ones", true, [[], []], ""],
    ["one", true, [[a, b]], "ab"],
    ["several, by creation and then by id", true, [[b], [], [a, c], [d]], "abcd"],
    [
      "several, the newest first",
      false,
      [
        [c, a],
        [d, b],
      ],
      "dcba",
    ],
  ])("are merged: %s", (_, ascending, streams, expected) => {
    expect(ids([...mergeInOrder(streams, ascending)])).toBe(expected);
  });

  it("are asked for no more rows than are taken, and one of each", () => {
    let asked = 0;
    function* counted(rows: readonly Row[]) {
      for (const row of rows) {
        asked += 1;
        yield row;
      }
    }
    for (const row of mergeInOrder([counted([a, b, d]), counted([c])], true)) {
      if (row === b) break;
    }
    expect(asked).toBe(3);
  });
});
