import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { preCoPassword } from "../../../src/worker/opening/preco.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyz234567";
const BYTES = Uint8Array.from({ length: 32 }, (_, i) => i);

it("is what STORAGE.md says: an HMAC of label, zero byte and cluster id, as 16 letters", async () => {
  using key = new SecretKey(BYTES.slice());
  const password = await preCoPassword(key, "cluster-dygnwhmscg5");
  const mac = createHmac("sha256", BYTES);
  mac.update("holdfast/v1/preco-password").update(Buffer.of(0)).update("cluster-dygnwhmscg5");
  const first = [...mac.digest().subarray(0, 16)];
  expect(password).toBe(first.map((byte) => LETTERS[byte & 31]).join(""));
});

it("is the same for the same cluster, and another for another cluster or another storage key", async () => {
  using key = new SecretKey(BYTES.slice());
  using other = new SecretKey(BYTES.slice().reverse());
  const passwords = await Promise.all([
    preCoPassword(key, "cluster-a"),
    preCoPassword(key, "cluster-a"),
    preCoPassword(key, "cluster-b"),
    preCoPassword(other, "cluster-a"),
  ]);
  expect(passwords[1]).toBe(passwords[0]);
  expect(new Set(passwords).size).toBe(3);
});
