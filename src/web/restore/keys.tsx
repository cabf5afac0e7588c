/**
 * The keys of the restored HSM: searched, filtered, sorted and paged, up to 16,666 of them.
 */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type Column, DataTable } from "../design/data-table.tsx";
import { Choice, options, SearchField } from "../design/fields.tsx";
import type { ShownKey } from "../engine/shown.ts";

interface Filter {
  readonly text: string;
  readonly kind: string;
  readonly owner: string;
  readonly leaving: "any" | "extractable" | "kept";
}

const EVERYTHING: Filter = { text: "", kind: "", owner: "", leaving: "any" };

/**
 * The keys that a filter lets through; the text matches label, id, handle, owner and check value.
 */
function matchingKeys(keys: readonly ShownKey[], filter: Filter): ShownKey[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return keys.filter((key) => {
    if (filter.kind !== "" && key.kind !== filter.kind) return false;
    if (filter.owner !== "" && key.owner !== filter.owner) return false;
    if (filter.leaving !== "any" && key.extractable !== (filter.leaving === "extractable"))
      return false;
    if (words.length === 0) return true;
    const { label, idHex, handle, owner, checkValue, kind } = key;
    const text = [label, idHex, handle, owner, checkValue, kind].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function distinct(values: Iterable<string>): string[] {
  return [...new Set(values)].sort(new Intl.Collator("en", { numeric: true }).compare);
}

function leaving(value: string): Filter["leaving"] {
  return value === "extractable" || value === "kept" ? value : "any";
}

function Filters(props: {
  keys: readonly ShownKey[];
  filter: Filter;
  onChange: (filter: Filter) => void;
}): JSX.Element {
  const { filter, onChange } = props;
  const kinds = useMemo(() => distinct(props.keys.map((key) => key.kind)), [props.keys]);
  const owners = useMemo(() => distinct(props.keys.map((key) => key.owner)), [props.keys]);
  return (
    <search class="filters">
      <SearchField
        label="Search"
        hint="Label, id, handle or check value"
        text={filter.text}
        onText={(text) => onChange({ ...filter, text })}
      />
      <Choice label="Type" value={filter.kind} onChange={(kind) => onChange({ ...filter, kind })}>
        <option value="">All types</option>
        {options(kinds)}
      </Choice>
      <Choice
        label="Owner"
        value={filter.owner}
        onChange={(owner) => onChange({ ...filter, owner })}
      >
        <option value="">All owners</option>
        {options(owners)}
      </Choice>
      <Choice
        label="May leave the HSM"
        value={filter.leaving}
        onChange={(value) => onChange({ ...filter, leaving: leaving(value) })}
      >
        <option value="any">All keys</option>
        <option value="extractable">Extractable</option>
        <option value="kept">Not extractable</option>
      </Choice>
    </search>
  );
}

/** Attributes with a place of their own in a row, of nearly every key, or that allow nothing. */
const QUIET = new Set([
  "token",
  "private",
  "sensitive",
  "destroyable",
  "modifiable",
  "extractable",
  "never-extractable",
  "always-sensitive",
  "local",
]);

export function AttributeChips(props: { attributes: readonly string[] }): JSX.Element {
  return (
    <span class="chips">
      {props.attributes.map((name) => (
        <span key={name} class="chip">
          {name}
        </span>
      ))}
    </span>
  );
}

function columnsFor(onOpen: (key: ShownKey) => void): Column<ShownKey>[] {
  return [
    {
      id: "label",
      label: "Label",
      order: (key) => key.label,
      cell: (key) => (
        <button type="button" class="open-row" onClick={() => onOpen(key)}>
          {key.label === "" ? `(no label) handle ${key.handle}` : key.label}
        </button>
      ),
    },
    {
      id: "kind",
      label: "Type",
      order: (key) => key.kind,
      cell: (key) => key.kind,
      shape: "short",
    },
    { id: "class", label: "Class", order: (key) => key.keyClass, cell: (key) => key.keyClass },
    {
      id: "owner",
      label: "Owner",
      order: (key) => key.owner,
      cell: (key) =>
        key.sharedWith.length === 0 ? key.owner : `${key.owner}, +${key.sharedWith.length} shared`,
    },
    {
      id: "leaving",
      label: "Extractable",
      order: (key) => (key.extractable ? 1 : 0),
      cell: (key) =>
        key.extractable ? <span class="chip warn">yes</span> : <span class="chip">no</span>,
    },
    {
      id: "attributes",
      label: "May",
      cell: (key) => (
        <AttributeChips attributes={key.attributes.filter((name) => !QUIET.has(name))} />
      ),
    },
    {
      id: "check",
      label: "Check value",
      cell: (key) => <span class="mono">{key.checkValue === "" ? "none" : key.checkValue}</span>,
    },
  ];
}

export function Keys(props: {
  keys: readonly ShownKey[];
  onOpen: (key: ShownKey) => void;
}): JSX.Element {
  const [filter, setFilter] = useState<Filter>(EVERYTHING);
  const rows = useMemo(() => matchingKeys(props.keys, filter), [props.keys, filter]);
  const columns = useMemo(() => columnsFor(props.onOpen), [props.onOpen]);
  return (
    <div class="stack">
      <Filters keys={props.keys} filter={filter} onChange={setFilter} />
      <DataTable
        caption="Keys in this backup"
        noun={["key", "keys"]}
        columns={columns}
        rows={rows}
        rowKey={(key) => key.handle}
        empty={
          props.keys.length === 0
            ? "There are no keys in this backup."
            : "No key matches. Change the search or the filters."
        }
      />
    </div>
  );
}
