/**
 * A table that stays usable at 16,666 rows: it sorts what it is given and shows one page of it.
 *
 * On a narrow screen every row becomes a card. Cells render text only.
 */
import type { ComponentChildren, JSX } from "preact";
import { useId, useMemo, useState } from "preact/hooks";
import { countText } from "./format.ts";
import { Icon } from "./icons.tsx";

export const PAGE_ROWS = 50;

export interface Column<Row> {
  readonly id: string;
  readonly label: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** What the column is ordered by; without it the column cannot be sorted. */
  readonly order?: (row: Row) => string | number;
  /** Set to the right, or kept on one line. */
  readonly shape?: "number" | "short";
}

/** One of them, and several. */
export type Noun = readonly [one: string, many: string];

interface Sorting {
  readonly column: string;
  readonly descending: boolean;
}

const texts = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function compare(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return texts.compare(String(a), String(b));
}

function sorted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], by: Sorting): Row[] {
  const order = columns.find((column) => column.id === by.column)?.order;
  if (order === undefined) return [...rows];
  const sign = by.descending ? -1 : 1;
  return rows
    .map((row) => ({ row, by: order(row) }))
    .sort((a, b) => sign * compare(a.by, b.by))
    .map(({ row }) => row);
}

function Heading<Row>(props: {
  column: Column<Row>;
  sorting: Sorting;
  onSort: (sorting: Sorting) => void;
}): JSX.Element {
  const { column, sorting } = props;
  const active = sorting.column === column.id;
  if (column.order === undefined) return <th scope="col">{column.label}</th>;
  const direction = sorting.descending ? "descending" : "ascending";
  const icon = sorting.descending ? "down" : "up";
  return (
    <th scope="col" class={column.shape} aria-sort={active ? direction : "none"}>
      <button
        type="button"
        class="sort"
        onClick={() =>
          props.onSort({ column: column.id, descending: active && !sorting.descending })
        }
      >
        {column.label}
        <Icon name={active ? icon : "either"} size={14} />
      </button>
    </th>
  );
}

/** In place of the headings, where rows are cards. */
function SortChoice<Row>(props: {
  columns: readonly Column<Row>[];
  sorting: Sorting;
  onSort: (sorting: Sorting) => void;
}): JSX.Element {
  const id = useId();
  const { sorting } = props;
  return (
    <div class="row sort-choice">
      <label class="label" for={id}>
        Sort by
      </label>
      <select
        id={id}
        class="input"
        value={sorting.column}
        onChange={(event) => props.onSort({ column: event.currentTarget.value, descending: false })}
      >
        {props.columns
          .filter((column) => column.order !== undefined)
          .map((column) => (
            <option key={column.id} value={column.id}>
              {column.label}
            </option>
          ))}
      </select>
      <button
        type="button"
        class="button compact"
        onClick={() => props.onSort({ ...sorting, descending: !sorting.descending })}
      >
        {sorting.descending ? "Descending" : "Ascending"}
      </button>
    </div>
  );
}

function Pager(props: {
  page: number;
  rows: number;
  noun: Noun;
  onPage: (page: number) => void;
}): JSX.Element {
  const last = Math.max(0, Math.ceil(props.rows / PAGE_ROWS) - 1);
  const from = props.page * PAGE_ROWS;
  const to = Math.min(props.rows, from + PAGE_ROWS);
  const count = props.rows.toLocaleString("en");
  const range = `${(from + 1).toLocaleString("en")}–${to.toLocaleString("en")} of ${count}`;
  return (
    <div class="row">
      <span class="small soft" role="status">
        {last === 0 ? countText(props.rows, ...props.noun) : `${range} ${props.noun[1]}`}
      </span>
      {last === 0 ? null : (
        <nav class="row push" aria-label="Pages">
          <button
            type="button"
            class="button compact"
            disabled={props.page === 0}
            onClick={() => props.onPage(props.page - 1)}
          >
            Previous
          </button>
          <button
            type="button"
            class="button compact"
            disabled={props.page === last}
            onClick={() => props.onPage(props.page + 1)}
          >
            Next
          </button>
        </nav>
      )}
    </div>
  );
}

/** The first column is the row's name. `rows` is borrowed and must be stable between renders. */
export function DataTable<Row>(props: {
  caption: string;
  noun: Noun;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string | number;
  empty: string;
}): JSX.Element {
  const [sorting, setSorting] = useState<Sorting>({
    column: props.columns[0]?.id ?? "",
    descending: false,
  });
  const [asked, setPage] = useState(0);
  const rows = useMemo(
    () => sorted(props.rows, props.columns, sorting),
    [props.rows, props.columns, sorting],
  );
  const page = Math.min(asked, Math.max(0, Math.ceil(rows.length / PAGE_ROWS) - 1));
  const shown = rows.slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS);
  return (
    <div class="stack">
      <SortChoice columns={props.columns} sorting={sorting} onSort={setSorting} />
      <div class="table-frame">
        <table class="table">
          <caption class="unseen">{props.caption}</caption>
          <thead>
            <tr>
              {props.columns.map((column) => (
                <Heading key={column.id} column={column} sorting={sorting} onSort={setSorting} />
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={props.rowKey(row)}>
                {props.columns.map((column, index) =>
                  index === 0 ? (
                    <th key={column.id} scope="row">
                      {column.cell(row)}
                    </th>
                  ) : (
                    <td key={column.id} data-label={column.label} class={column.shape}>
                      <span>{column.cell(row)}</span>
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 ? (
          <div class="empty">
            <p>{props.empty}</p>
          </div>
        ) : null}
      </div>
      <Pager page={page} rows={rows.length} noun={props.noun} onPage={setPage} />
    </div>
  );
}
