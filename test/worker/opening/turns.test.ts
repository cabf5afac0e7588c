import { describe, expect, it } from "vitest";
import { OPENINGS, Turns } from "../../../src/worker/opening/turns.ts";

/** Something that goes on until it is told how to end. */
class Work {
  readonly done: Promise<string>;
  begun = false;
  end: () => void = () => undefined;
  fail: () => void = () => undefined;

  constructor(turns: Turns, name: string) {
    this.done = turns.take(
      () =>
        new Promise<string>((finish, fail) => {
          this.begun = true;
          this.end = () => finish(name);
          this.fail = () => fail(new Error(`${name} failed`));
        }),
    );
  }
}

function ask(turns: Turns, count: number): Work[] {
  return Array.from({ length: count }, (_, i) => new Work(turns, `work ${i}`));
}

function begun(works: readonly Work[]): number[] {
  return works.flatMap((work, i) => (work.begun ? [i] : []));
}

const settled = () => new Promise((resume) => setTimeout(resume));

describe("turns", () => {
  it("are two at openings, and sixteen may wait for one", () => {
    expect(OPENINGS).toEqual({ atOnce: 2, waiting: 16 });
  });

  it("begin at once while there are places; whoever comes then waits", async () => {
    const works = ask(new Turns(OPENINGS), 5);
    await settled();
    expect(begun(works)).toEqual([0, 1]);
  });

  it("go over in the order of asking when one ends", async () => {
    const works = ask(new Turns(OPENINGS), 5);
    await settled();
    works[1]?.end();
    await settled();
    expect(begun(works)).toEqual([0, 1, 2]);
    works[0]?.end();
    await settled();
    expect(begun(works)).toEqual([0, 1, 2, 3]);
    expect(await works[0]?.done).toBe("work 0");
  });

  it("are refused to the nineteenth, and to nobody once one has ended", async () => {
    const turns = new Turns(OPENINGS);
    const works = ask(turns, 18);
    const refused = new Work(turns, "too many");
    await expect(refused.done).rejects.toMatchObject({
      refusal: {
        kind: "unavailable",
        code: "reader_busy",
        message: expect.stringContaining("again"),
      },
    });
    expect(refused.begun).toBe(false);
    works[0]?.end();
    await settled();
    const next = new Work(turns, "next");
    for (let ended = 0; ended < 18; ended += 1) {
      for (const work of works) work.end();
      await settled();
    }
    next.end();
    expect(await next.done).toBe("next");
    expect(await Promise.all(works.map(({ done }) => done))).toHaveLength(18);
  });

  it("are given back by work that fails, waiting or not", async () => {
    const turns = new Turns({ atOnce: 1, waiting: 1 });
    const [first, second] = ask(turns, 2);
    first?.fail();
    await expect(first?.done).rejects.toThrow("work 0 failed");
    await settled();
    second?.fail();
    await expect(second?.done).rejects.toThrow("work 1 failed");
    const [third, fourth] = ask(turns, 2);
    await settled();
    expect([third?.begun, fourth?.begun]).toEqual([true, false]);
    third?.end();
    await settled();
    expect(fourth?.begun).toBe(true);
    fourth?.end();
    await fourth?.done;
  });

  it("are given back by work that throws before it waits for anything", async () => {
    const turns = new Turns({ atOnce: 1, waiting: 0 });
    for (let i = 0; i < 3; i += 1) {
      await expect(
        turns.take(() => {
          throw new TypeError("at once");
        }),
      ).rejects.toThrow("at once");
    }
    expect(await turns.take(async () => 1)).toBe(1);
  });
});
