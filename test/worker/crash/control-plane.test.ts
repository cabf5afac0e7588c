import { describe } from "vitest";
import { CONTROL_PLANE_STEPS, testKillsAt } from "./steps.ts";

describe("a kill right after a step of the control plane", () => {
  testKillsAt(CONTROL_PLANE_STEPS);
});
