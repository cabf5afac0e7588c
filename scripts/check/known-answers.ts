/**
 * Known answers, schema kv-vectors/1, through the WASM core: passed, failed, or skipped with a reason.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeHex } from "../../src/crypto/base-encodings.ts";
import { Core, type HashName, type PrfName } from "../../src/crypto/core.ts";
import { CoreMemory } from "../../src/crypto/memory.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import { coreModule } from "../../test/lib/core.ts";

/** One test as the file has it; the members depend on the primitive. */
type Case = Readonly<Record<string, unknown>> & { readonly id: string };

/** A case that this module does not offer, and why. */
class Skip {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/** True: as expected. False: not. */
type Outcome = boolean | Skip;

const HASHES: readonly string[] = ["SHA-224", "SHA-256", "SHA-384", "SHA-512"];
/** Shorter tags are refused by the core's verification; here they are compared with a made one. */
const MIN_TAG_BYTES = 8;
const core = new Core(coreModule());
const memory = new CoreMemory(coreModule());

const runners: Readonly<Record<string, (test: Case) => Outcome>> = {
  "aes-ecb": runAes,
  "aes-kw": (test) => runKeyWrap(test, "kwWrap", "kwUnwrap"),
  "aes-kwp": (test) => runKeyWrap(test, "kwpWrap", "kwpUnwrap"),
  "aes-cmac": runCmac,
  hmac: runHmac,
  sha2: runSha2,
  "kdf-ctr": runKdf,
};

function text(test: Case, name: string): string {
  const value = test[name];
  if (typeof value !== "string") throw new Error(`${test.id}: member "${name}" is not a string`);
  return value;
}

function number(test: Case, name: string): number {
  const value = test[name];
  if (typeof value !== "number") throw new Error(`${test.id}: member "${name}" is not a number`);
  return value;
}

function octets(test: Case, name: string): Uint8Array {
  const bytes = decodeHex(text(test, name));
  if (bytes === null) throw new Error(`${test.id}: "${name}" is not hexadecimal`);
  return bytes;
}

const isValid = (test: Case): boolean => (test["result"] ?? "valid") === "valid";
const same = (a: Uint8Array | null, b: Uint8Array): boolean =>
  a !== null && Buffer.compare(a, b) === 0;

/** `f`'s answer, or null where the core refuses the lengths it was given. */
function refused<T>(f: () => T): T | null {
  try {
    return f();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function runAes(test: Case): Outcome {
  const encrypt = text(test, "op") === "enc";
  const key = octets(test, "key");
  const input = octets(test, encrypt ? "pt" : "ct");
  const iterations = test["iter"] === undefined ? 1 : number(test, "iter");
  memory.putKey(key);
  CoreMemory.counted(memory.exports.aesSetKey(0, key.length));
  memory.putData(input);
  for (let i = 0; i < iterations; i++) {
    if (encrypt) memory.exports.aesEncryptBlocks(0, input.length);
    else memory.exports.aesDecryptBlocks(0, input.length);
  }
  return same(memory.takeData(0, input.length), octets(test, encrypt ? "ct" : "pt"));
}

function runKeyWrap(
  test: Case,
  wrap: "kwWrap" | "kwpWrap",
  unwrap: "kwUnwrap" | "kwpUnwrap",
): Outcome {
  if (text(test, "cipher") !== "forward") return new Skip("key wrap with the inverse cipher");
  const keyBytes = octets(test, "key");
  if (![16, 24, 32].includes(keyBytes.length)) {
    return refused(() => core.kek(new SecretKey(keyBytes))) === null && !isValid(test);
  }
  using kek = core.kek(new SecretKey(keyBytes));
  if (text(test, "op") === "wrap") {
    const wrapped = refused(() => kek[wrap](octets(test, "pt")));
    return isValid(test) ? same(wrapped, octets(test, "ct")) : wrapped === null;
  }
  const plain = kek[unwrap](octets(test, "ct"));
  if (!isValid(test)) return plain === null;
  // A valid case is run both ways.
  return same(plain, octets(test, "pt")) && same(kek[wrap](octets(test, "pt")), octets(test, "ct"));
}

function runCmac(test: Case): Outcome {
  const keyBytes = octets(test, "key");
  if (String(test["flags"] ?? "").includes("InvalidKeySize")) {
    return refused(() => core.cmac(new SecretKey(keyBytes), octets(test, "msg"))) === null;
  }
  using key = new SecretKey(keyBytes);
  const message = octets(test, "msg");
  const tag = octets(test, "mac");
  const isTag = (): boolean => same(core.cmac(key, message).subarray(0, tag.length), tag);
  if (text(test, "op") === "gen") return isTag();
  if (tag.length < MIN_TAG_BYTES) return isTag() === isValid(test);
  return core.cmacVerify(key, message, tag) === isValid(test);
}

function runHmac(test: Case): Outcome {
  const hash = text(test, "hash");
  if (!HASHES.includes(hash)) return new Skip(`HMAC with ${hash}`);
  const name = hash as HashName;
  using key = new SecretKey(octets(test, "key"));
  const message = octets(test, "msg");
  const tag = octets(test, "mac");
  const isTag = (): boolean => same(core.hmac(name, key, message).subarray(0, tag.length), tag);
  if (text(test, "op") === "gen") return isTag();
  if (tag.length < MIN_TAG_BYTES) return isTag() === isValid(test);
  return core.hmacVerify(name, key, tag, message) === isValid(test);
}

function runSha2(test: Case): Outcome {
  const hash = text(test, "hash");
  if (!HASHES.includes(hash)) return new Skip(hash);
  return same(core.hash(hash as HashName, octets(test, "msg")), octets(test, "mac"));
}

function runKdf(test: Case): Outcome {
  if (test["bits"] === true) return new Skip("counter KDF over bit strings that are not octets");
  const source = text(test, "prf");
  const prf = source.startsWith("CMAC") ? "AES-CMAC" : source;
  if (prf !== "AES-CMAC" && !HASHES.includes(prf.replace("HMAC-", ""))) {
    return new Skip(`counter KDF with ${source}`);
  }
  const counterBits = number(test, "r");
  if (counterBits !== 8 && counterBits !== 16 && counterBits !== 24 && counterBits !== 32) {
    throw new Error(`${test.id}: no counter of ${counterBits} bits`);
  }
  const keyBytes = octets(test, "key");
  if (keyBytes.length > 128) return new Skip("counter KDF with a K_IN over 128 bytes");
  using keyIn = new SecretKey(keyBytes);
  const request = {
    prf: prf as PrfName,
    counterBits,
    before: octets(test, "pre"),
    after: octets(test, "post"),
    lengthBytes: Math.ceil(number(test, "L") / 8),
  } as const;
  const derived = refused(() => core.kdfCounterFixed(keyIn, request));
  if (!isValid(test)) return derived === null;
  return derived?.use((bytes) => same(bytes, octets(test, "out"))) ?? false;
}

interface VectorFile {
  readonly primitive: string;
  readonly tests: readonly Case[];
}

/** Reads and checks one file; an unknown schema or a missing member is an error, not a skip. */
function readVectorFile(path: string): VectorFile {
  const parsed = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  if (parsed["schema"] !== "kv-vectors/1") {
    throw new Error(`${path}: expected schema "kv-vectors/1", got ${String(parsed["schema"])}`);
  }
  const { primitive, tests, cases } = parsed;
  if (typeof primitive !== "string" || !Array.isArray(tests)) {
    throw new Error(`${path}: "primitive" or "tests" is missing`);
  }
  if (typeof cases === "number" && cases !== tests.length) {
    throw new Error(`${path}: says ${cases} cases, holds ${tests.length}`);
  }
  if (!tests.every((test) => typeof test?.id === "string")) {
    throw new Error(`${path}: a test has no id`);
  }
  return { primitive, tests };
}

/**
 * Runs every file of the folder; `say` gets a line for each, for every failure and each reason for
 * skipping, and at last the counts.
 *
 * @returns whether nothing failed.
 * @throws Error if the folder or a file of it cannot be read.
 */
export function runFolder(folder: string, say: (line: string) => void): boolean {
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  if (files.length === 0) throw new Error(`${folder}: no .json files in it`);
  const skipped = new Map<string, number>();
  let passed = 0;
  let failed = 0;
  for (const name of files.sort()) {
    const { primitive, tests } = readVectorFile(join(folder, name));
    const runner = runners[primitive] ?? (() => new Skip(`primitive ${primitive}`));
    let failedHere = 0;
    for (const test of tests) {
      const outcome = runner(test);
      if (outcome instanceof Skip) {
        skipped.set(outcome.reason, (skipped.get(outcome.reason) ?? 0) + 1);
      } else if (outcome) {
        passed++;
      } else {
        failedHere++;
        say(`FAILED ${name} ${test.id}`);
      }
    }
    failed += failedHere;
    say(`${name}: ${tests.length} cases, ${failedHere} failed`);
  }
  for (const [reason, count] of skipped) say(`skipped ${count}: ${reason}`);
  const skippedCount = [...skipped.values()].reduce((sum, count) => sum + count, 0);
  say(`${passed} passed, ${failed} failed, ${skippedCount} skipped`);
  return failed === 0;
}
