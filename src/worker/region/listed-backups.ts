/**
 * The rows of a page of backups: each filter that a listing knows is a column of an index, so that
 * few rows are read beside those that the page shows.
 *
 * Spec: docs/STORAGE.md §1. The index has the rows of one cluster (or all), one state and one answer to
 * whether they never expire in the order of the pages; those that a filter takes are merged.
 */
import { type Listed, mergeInOrder } from "../../cluster/listing.ts";
import type { BackupState } from "../../cluster/states.ts";
import type { BackupRow } from "./rows.ts";

/** Which backups are listed: those that answer to each of the three with one of its values. */
export interface WhichBackups {
  /** Null: of every cluster. */
  readonly clusterIds: readonly string[] | null;
  readonly states: readonly BackupState[];
  readonly neverExpires: readonly boolean[];
}

export type ListedBackup = BackupRow & Listed;

/** Rows that are read at once of all that are merged, and of each. */
const READ_AT_ONCE = 100;
const LEAST_AT_ONCE = 2;

/** By creation and id, from behind `start`. */
export function* listedBackups(
  sql: SqlStorage,
  start: Listed | null,
  { clusterIds, states, neverExpires }: WhichBackups,
  ascending: boolean,
): Generator<ListedBackup> {
  const index = clusterIds === null ? "backupsListed" : "backupsListedOfCluster";
  const order = ascending ? "" : " DESC";
  const query = `SELECT * FROM backups INDEXED BY ${index}
    WHERE ${clusterIds === null ? "" : "clusterId = ? AND "}state = ? AND neverExpires = ?
      AND (createdAtMs, backupId) ${ascending ? ">" : "<"} (?, ?)
    ORDER BY createdAtMs${order}, backupId${order} LIMIT ?`;
  const places = (clusterIds ?? [null]).flatMap((clusterId) =>
    states.flatMap((state) =>
      neverExpires.map((never) => [
        ...(clusterId === null ? [] : [clusterId]),
        state,
        Number(never),
      ]),
    ),
  );
  const atOnce = Math.max(LEAST_AT_ONCE, Math.ceil(READ_AT_ONCE / Math.max(1, places.length)));
  const end = ascending ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
  const first = start ?? { createdAtMs: end, id: "" };
  const streams = places.map((place) => rowsAt(sql, query, place, first, atOnce));
  yield* mergeInOrder(streams, ascending);
}

function* rowsAt(
  sql: SqlStorage,
  query: string,
  place: readonly (string | number)[],
  start: Listed,
  atOnce: number,
): Generator<ListedBackup> {
  let after = start;
  for (;;) {
    const bindings = [...place, after.createdAtMs, after.id, atOnce];
    const rows = sql.exec<BackupRow>(query, ...bindings).toArray();
    const listed = rows.map((row) => ({ ...row, id: row.backupId }));
    yield* listed;
    const last = listed.at(-1);
    if (last === undefined || listed.length < atOnce) return;
    after = last;
  }
}
