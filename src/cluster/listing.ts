/**
 * Listing: which rows a filter takes, in which order, and where the next page begins.
 *
 * Spec: docs/AWS.md, "Operations". Filters of the CloudHSM V2 API are a map from name to values: a
 * row must match every name, and of each name one value. An unknown name is refused, since ignoring
 * it would list too much.
 */
import { invalid, type Refusal } from "./refusal.ts";

export type Filters = Readonly<Record<string, readonly string[]>>;

/** How a row answers a filter: name of the filter to the row's value; null where it has none. */
export type Facets<Row> = Readonly<Record<string, (row: Row) => string | null>>;

export interface Listed {
  readonly id: string;
  readonly createdAtMs: number;
}

export interface Page<Row> {
  readonly rows: Row[];
  /** Opaque; null on the last page. */
  readonly nextToken: string | null;
}

export function filtersRefusal<Row>(filters: Filters, facets: Facets<Row>): Refusal | null {
  const unknown = Object.keys(filters).find((name) => !Object.hasOwn(facets, name));
  if (unknown === undefined) return null;
  const names = Object.keys(facets).join(", ");
  return invalid("filter_unknown", `Filter '${unknown}' is not known. The filters are: ${names}.`);
}

export function filterRows<Row>(
  rows: readonly Row[],
  filters: Filters,
  facets: Facets<Row>,
): Row[] {
  return rows.filter((row) => isTaken(row, filters, facets));
}

export function isTaken<Row>(row: Row, filters: Filters, facets: Facets<Row>): boolean {
  return Object.entries(filters).every(([name, values]) => {
    const facet = facets[name]?.(row) ?? null;
    return facet !== null && values.includes(facet);
  });
}

/** Which page is asked for. */
export interface PageOrder {
  readonly ascending: boolean;
  readonly limit: number;
  readonly token: string | null;
}

/** Sorts by creation (ids break ties) and cuts the page that begins after `token`. */
export function cutPage<Row extends Listed>(
  rows: readonly Row[],
  order: PageOrder,
): Page<Row> | Refusal {
  const direction = order.ascending ? 1 : -1;
  return takePage(
    (start) =>
      rows
        .filter((row) => start === null || direction * compare(row, start) > 0)
        .sort((a, b) => direction * compare(a, b)),
    order,
  );
}

/**
 * Takes the page that begins after `token`. @param inOrder - rows by creation and id, as `ascending` says,
 * from behind `start`; no more of them are asked for than it takes.
 */
export function takePage<Row extends Listed>(
  inOrder: (start: Listed | null) => Iterable<Row>,
  { token, limit }: PageOrder,
): Page<Row> | Refusal {
  const start = token === null ? null : decodeToken(token);
  if (token !== null && start === null) {
    return invalid("token_invalid", "NextToken is not one that this operation returned.");
  }
  const rows: Row[] = [];
  for (const row of inOrder(start)) {
    const last = rows.at(-1);
    if (rows.length >= limit && last !== undefined) return { rows, nextToken: encodeToken(last) };
    rows.push(row);
  }
  return { rows, nextToken: null };
}

function compare(a: Listed, b: Listed): number {
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs - b.createdAtMs;
  return a.id < b.id ? -1 : Number(a.id > b.id);
}

/** A token is the place after which the next page begins: it survives rows that come and go. */
function encodeToken(row: Listed): string {
  return `${row.createdAtMs.toString(36)}.${row.id}`;
}

function decodeToken(token: string): Listed | null {
  const [, time, id] = /^([0-9a-z]{1,11})\.([\w-]{1,128})$/.exec(token) ?? [];
  if (time === undefined || id === undefined) return null;
  const createdAtMs = Number.parseInt(time, 36);
  return Number.isSafeInteger(createdAtMs) ? { id, createdAtMs } : null;
}

/** Rows of several streams as one. @param streams - each in the order that `ascending` says. */
export function* mergeInOrder<Row extends Listed>(
  streams: readonly Iterable<Row>[],
  ascending: boolean,
): Generator<Row> {
  const direction = ascending ? 1 : -1;
  const heads: { row: Row; readonly rest: Iterator<Row> }[] = [];
  for (const stream of streams) {
    const rest = stream[Symbol.iterator]();
    const { done, value } = rest.next();
    if (!done) heads.push({ row: value, rest });
  }
  for (;;) {
    const [first, ...others] = heads;
    if (first === undefined) return;
    const next = others.reduce(
      (best, head) => (direction * compare(head.row, best.row) < 0 ? head : best),
      first,
    );
    yield next.row;
    const { done, value } = next.rest.next();
    if (done) heads.splice(heads.indexOf(next), 1);
    else next.row = value;
  }
}
