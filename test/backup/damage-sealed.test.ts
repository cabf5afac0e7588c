import { describe } from "vitest";
import { damageable, testFlips, testLengths } from "./damage.ts";

describe("a sealed file", () => {
  const file = damageable("sealed");
  testLengths(file);
  testFlips(file, (part) => part !== "body");
});
