/**
 * Turns of a bench: how long a run of some work takes, and rows of a table.
 */

/** Microseconds of one run of `work`, over about `turnMs`. */
export function timeTurn(work: () => unknown, turnMs: number): number {
  const start = performance.now();
  let runs = 0;
  do {
    work();
    runs++;
  } while (performance.now() - start < turnMs);
  return ((performance.now() - start) * 1000) / runs;
}

/** MB/s of all threads together: the best round. */
export interface ThreadSpeeds {
  readonly one: number;
  readonly two: number;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** A name and columns under one another. */
export function printRow(name: string, ...cells: readonly string[]): void {
  console.log(name.padEnd(38) + cells.map((cell) => cell.padStart(18)).join(""));
}
