import { describe } from "vitest";
import { MEMORY_STEPS, testKillsAt } from "./steps.ts";

describe("a kill right after a step of an HSM's memory", () => {
  testKillsAt(MEMORY_STEPS);
});
