/**
 * RSA keys for tests that only use one: to make one takes longer than most of what is done with it.
 *
 * In rsa-keys.pem, for everybody to read: they guard nothing, here or anywhere.
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";

const text = readFileSync(new URL("./rsa-keys.pem", import.meta.url), "utf8");
const keys = text.split(/(?=-----BEGIN)/).map((pem) => createPrivateKey(pem));

/** @param place - which of those of this length: six of 2,048 bits, two of 3,072, two of 4,096. */
export function rsaKey(bits: 2048 | 3072 | 4096, place = 0): KeyObject {
  const found = keys.filter((key) => key.asymmetricKeyDetails?.modulusLength === bits)[place];
  if (found === undefined) throw new RangeError(`place: there is no key ${place} of ${bits} bits`);
  return found;
}
