/**
 * Turns at something that takes memory and time: a few at once, a few waiting, the others refused.
 *
 * Spec: docs/STORAGE.md §7.
 */
import { Refused } from "../contracts/result.ts";

interface TurnLimits {
  readonly atOnce: number;
  readonly waiting: number;
}

/** An opening holds a core of its own and a segment of the body: two fit an isolate with ease. */
export const OPENINGS: TurnLimits = { atOnce: 2, waiting: 16 };

export class Turns {
  readonly #limits: TurnLimits;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /** Runs `f` when a place is free, in the order of asking. @throws Refused with `reader_busy`. */
  async take<T>(f: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#limits.atOnce) this.#taken += 1;
    else await this.#place();
    try {
      return await f();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken -= 1;
      else next(); // The place goes over as it is: nobody who asks meanwhile gets in between.
    }
  }

  #place(): Promise<void> {
    if (this.#waiting.length >= this.#limits.waiting) throw busy();
    return new Promise((given) => this.#waiting.push(given));
  }
}

function busy(): Refused {
  const message = "Many backups are being opened just now. Try again in a moment.";
  return new Refused({ kind: "unavailable", code: "reader_busy", message });
}
