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

const THREAD_ROUNDS = 4;
/** How long a round of the threads is. */
export const THREAD_ROUND_MS = 400;

/** One thread and two take turns. @param speedOf - of the first, or of both together, in MB/s. */
export async function threadSpeeds(
  speedOf: (threads: 1 | 2) => Promise<number>,
): Promise<ThreadSpeeds> {
  const best = { one: 0, two: 0 };
  for (let round = 0; round < THREAD_ROUNDS; round++) {
    best.one = Math.max(best.one, await speedOf(1));
    best.two = Math.max(best.two, await speedOf(2));
  }
  return best;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** A name and columns under one another. */
export function printRow(name: string, ...cells: readonly string[]): void {
  console.log(name.padEnd(38) + cells.map((cell) => cell.padStart(18)).join(""));
}
