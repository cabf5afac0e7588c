/**
 * A variable that is wrong stops every request at the door, whoever would have used it, and is named in
 * the log without its value.
 */
import { createPublicKey } from "node:crypto";
import { afterEach, expect, it, vi } from "vitest";
import { startEdge, testSecrets } from "../lib/mf.ts";
import { rsaKey } from "../lib/rsa-keys.ts";

const SHORT_KEY = Buffer.from("a key of too few bytes").toString("base64");

async function withShortMkbk(): Promise<string> {
  const { bindings } = await testSecrets();
  const value = JSON.parse(bindings["MANUFACTURER"] ?? "");
  value.mkbk[0].key = SHORT_KEY;
  return JSON.stringify(value);
}

const shortRecoveryKey = createPublicKey(rsaKey(2048)).export({ type: "spki", format: "der" });

const cases: readonly (readonly [string, () => Promise<string>, string])[] = [
  ["MANUFACTURER", withShortMkbk, "variable MANUFACTURER: mkbk.0.key custom"],
  ["OPERATOR", async () => "{}", "variable OPERATOR: name invalid_type; akbk invalid_type"],
  ["LOCAL_KMS", async () => "{", "variable LOCAL_KMS: not JSON"],
  ["STORAGE_KEY", async () => SHORT_KEY, "variable STORAGE_KEY:  custom"],
  ["MANUFACTURER_CA", async () => "", "variable MANUFACTURER_CA: not JSON"],
  ["ACCESS_KEYS", async () => "[]", "variable ACCESS_KEYS:  too_small"],
  ["RECOVERY_PUBLIC_KEY", async () => "no base64", "variable RECOVERY_PUBLIC_KEY:  invalid_format"],
  [
    "RECOVERY_PUBLIC_KEY",
    async () => shortRecoveryKey.toString("base64"),
    "variable RECOVERY_PUBLIC_KEY: not the SPKI of an RSA key of 3,072 bits with exponent 65,537",
  ],
];

afterEach(() => vi.restoreAllMocks());

it.each(cases)("%s", async (name, value, reason) => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const edge = await startEdge({ bindings: { [name]: await value() } });
  try {
    const health = await fetch(new URL("/v1/health", edge.url));
    const wire = await fetch(edge.url, { method: "POST", body: "{}" });
    for (const answer of [health, wire]) {
      expect(answer.status).toBe(500);
      expect(await answer.json()).toMatchObject({ error: { code: "deployment_invalid" } });
    }
    const entry = JSON.stringify({ event: "request_failed", level: "alarm", reason });
    await vi.waitFor(() => expect(logged.mock.calls.flat().join()).toContain(entry), 5_000);
    expect(logged.mock.calls.flat().join()).not.toContain(SHORT_KEY);
  } finally {
    await edge.stop();
  }
});
