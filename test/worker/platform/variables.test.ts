import { describe, expect, it } from "vitest";
import * as z from "zod";
import { checkedVariable, jsonVariable } from "../../../src/worker/platform/variables.ts";

const KEYS = z.object({ keys: z.array(z.object({ id: z.string(), key: z.base64() })).min(1) });

describe("a variable that holds JSON", () => {
  it("comes out as its schema says", () => {
    const value = { keys: [{ id: "a", key: "c2VjcmV0" }] };
    expect(jsonVariable("LOCAL_KMS", JSON.stringify(value), KEYS)).toEqual(value);
  });

  const wrong: readonly (readonly [string, string | undefined, string])[] = [
    ["missing", undefined, "variable LOCAL_KMS: missing (see docs/DEPLOY.md)"],
    ["empty", "", "variable LOCAL_KMS: not JSON"],
    ["cut", '{"keys":[{"id":"a","key":"c2Vjc', "variable LOCAL_KMS: not JSON"],
    ["without a member", '{"keys":[{"id":"a"}]}', "variable LOCAL_KMS: keys.0.key invalid_type"],
    [
      "malformed in two places",
      '{"keys":[{"id":7,"key":"not base64"}]}',
      "variable LOCAL_KMS: keys.0.id invalid_type; keys.0.key invalid_format",
    ],
  ];
  it.each(wrong)(
    "that is %s is named, with the place and without the value",
    (_, text, message) => {
      expect(() => jsonVariable("LOCAL_KMS", text, KEYS)).toThrow(new Error(message));
    },
  );
});

describe("a variable of plain text", () => {
  it("that is missing is named", () => {
    const message = "variable STORAGE_KEY: missing (see docs/DEPLOY.md)";
    expect(() => checkedVariable("STORAGE_KEY", undefined, z.base64())).toThrow(new Error(message));
  });
});
