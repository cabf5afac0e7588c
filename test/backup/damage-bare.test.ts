import { describe } from "vitest";
import { damageable, testFlips, testLengths } from "./damage.ts";

describe("a bare file", () => {
  const file = damageable("bare");
  testLengths(file);
  testFlips(file, () => true);
});
