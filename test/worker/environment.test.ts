/**
 * A variable that is wrong stops every request at the door, whoever would have used it, and is named in
 * the log without its value.
 */
import { createPublicKey } from "node:crypto";
import { afterEach, expect, it, vi } from "vitest";
import { encodeAgePublicKey } from "../../src/backup/format/age-keys.ts";
import { hybridPublicKey } from "../../src/backup/seal/hybrid-kem.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
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

const NO_KEY =
  "variable RECOVERY_PUBLIC_KEY: this is not a key of age's; nor is it the SPKI of an RSA key of " +
  "3,072 bits with exponent 65,537";

/** Of seeds that nobody uses. */
async function hybridKey(seed: number): Promise<string> {
  return encodeAgePublicKey(await hybridPublicKey(new SecretKey(new Uint8Array(32).fill(seed))));
}
const HYBRID = await hybridKey(1);

async function manyKeys(count: number): Promise<string> {
  const keys = Array.from({ length: count }, (_, i) => hybridKey(i + 1));
  return (await Promise.all(keys)).join(" ");
}

const cases: readonly (readonly [string, () => Promise<string>, string])[] = [
  ["MANUFACTURER", withShortMkbk, "variable MANUFACTURER: mkbk.0.key custom"],
  ["OPERATOR", async () => "{}", "variable OPERATOR: name invalid_type; akbk invalid_type"],
  ["LOCAL_KMS", async () => "{", "variable LOCAL_KMS: not JSON"],
  ["STORAGE_KEY", async () => SHORT_KEY, "variable STORAGE_KEY:  custom"],
  ["MANUFACTURER_CA", async () => "", "variable MANUFACTURER_CA: not JSON"],
  ["ACCESS_KEYS", async () => "[]", "variable ACCESS_KEYS:  too_small"],
  ["RECOVERY_PUBLIC_KEY", async () => "no key", NO_KEY],
  [
    "RECOVERY_PUBLIC_KEY",
    async () => `${HYBRID}\n${HYBRID}`,
    "variable RECOVERY_PUBLIC_KEY: one key twice",
  ],
  [
    "RECOVERY_PUBLIC_KEY",
    async () => "AGE-SECRET-KEY-PQ-1QQQQ",
    NO_KEY.replace(
      "this is not a key of age's",
      "this is the other half: a public key where a private one belongs, or the reverse",
    ),
  ],
  [
    "RECOVERY_PUBLIC_KEY",
    async () => manyKeys(8),
    "variable RECOVERY_PUBLIC_KEY: more than 7 keys",
  ],
  ["RECOVERY_PUBLIC_KEY", async () => shortRecoveryKey.toString("base64"), NO_KEY],
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
