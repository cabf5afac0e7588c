import { describe } from "vitest";
import { testDamageOf } from "./damage.ts";

describe("a bare file", () => {
  testDamageOf("bare");
});
