/**
 * Key wrap of every length to 4 KiB, then random cases, each done by the core and by Node's OpenSSL:
 * the differential tests' long run.
 *
 * `npm run fuzz`. Everything follows from the seed, which a failure
 * prints. Exit code 1 on the first difference.
 */
import { createHash, createHmac } from "node:crypto";
import { Core, type HashName, type Kek } from "../../src/crypto/core.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import { opensslEngine } from "../../test/crypto/engines.ts";
import { coreModule } from "../../test/lib/core.ts";
import { Random } from "../../test/lib/random.ts";
import { readOptions, wholeNumber } from "../terminal/options.ts";

const HASHES: readonly HashName[] = ["SHA-224", "SHA-256", "SHA-384", "SHA-512"];
/** Bytes: of every length to this one a message is wrapped. */
const ALL_LENGTHS_BYTES = 4096;
const nodeName = (hash: HashName): string => hash.toLowerCase().replace("-", "");

function verifySame(what: string, got: Uint8Array | null, expected: Uint8Array | null): void {
  const same =
    got === null || expected === null ? got === expected : !Buffer.compare(got, expected);
  if (!same) throw new Error(`${what}: the core and OpenSSL differ`);
}

function withKek(core: Core, random: Random, work: (kek: Kek, key: Uint8Array) => void): void {
  const key = random.bytes(random.pick([16, 24, 32]));
  using secret = SecretKey.copyOf(key);
  using kek = core.kek(secret);
  work(kek, key);
}

/** Key wrap, whose counter and padding follow from the length. */
function everyLength(core: Core, random: Random): void {
  for (let length = 1; length <= ALL_LENGTHS_BYTES; length++) {
    withKek(core, random, (kek, key) => {
      const plain = random.bytes(length);
      const wrapped = kek.kwpWrap(plain);
      verifySame(`KWP wrap of ${length} bytes`, wrapped, opensslEngine.kwpWrap(key, plain));
      verifySame(`KWP unwrap of ${length} bytes`, kek.kwpUnwrap(wrapped), plain);
    });
  }
}

function single(core: Core, random: Random): void {
  withKek(core, random, (kek, key) => {
    const plain = random.bytes(random.length(1));
    const wrapped = kek.kwpWrap(plain);
    verifySame("KWP wrap", wrapped, opensslEngine.kwpWrap(key, plain));
    verifySame("KWP unwrap", kek.kwpUnwrap(wrapped), plain);
    const even = random.bytes(8 * (2 + random.below(60)));
    const kw = kek.kwWrap(even);
    verifySame("KW wrap", kw, opensslEngine.kwWrap(key, even));
    verifySame("KW unwrap", kek.kwUnwrap(kw), even);
    for (const bytes of [wrapped, kw]) {
      const at = random.below(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 + random.below(255));
    }
    verifySame("KWP, changed", kek.kwpUnwrap(wrapped), opensslEngine.kwpUnwrap(key, wrapped));
    verifySame("KW, changed", kek.kwUnwrap(kw), opensslEngine.kwUnwrap(key, kw));
  });
}

/** A list of up to 70 messages of a few lengths, some of them changed. */
function list(core: Core, random: Random): void {
  withKek(core, random, (kek, key) => {
    const lengths = [random.length(1), 1 + random.below(64), 1 + random.below(64)];
    const plains = Array.from({ length: 1 + random.below(70) }, () =>
      random.bytes(random.pick(lengths)),
    );
    const wrapped = kek.wrapMany(plains);
    for (const [i, plain] of plains.entries()) {
      verifySame("list wrap", wrapped[i] ?? null, opensslEngine.kwpWrap(key, plain));
    }
    const bad = Array.from({ length: random.below(3) }, () => random.below(plains.length));
    for (const place of bad) {
      const message = wrapped[place];
      if (message) message[random.below(message.length)]! ^= 1 + random.below(255);
    }
    const outcome = kek.unwrapMany(wrapped);
    const first = wrapped.findIndex((bytes) => opensslEngine.kwpUnwrap(key, bytes) === null);
    if (first >= 0) {
      if (Array.isArray(outcome) || outcome.refusedIndex !== first) {
        throw new Error(`list unwrap: expected a refusal of message ${first}`);
      }
    } else if (!Array.isArray(outcome)) {
      throw new Error(`list unwrap: refused message ${outcome.refusedIndex}`);
    } else {
      for (const [i, plain] of plains.entries()) verifySame("list unwrap", outcome[i]!, plain);
    }
  });
}

function hashing(core: Core, random: Random): void {
  const hash = random.pick(HASHES);
  const data = random.bytes(random.length(0));
  const key = random.bytes(1 + random.below(200));
  using secret = SecretKey.copyOf(key);
  const cut = random.below(data.length + 1);
  const pieces = [data.subarray(0, cut), data.subarray(cut)];
  verifySame(hash, core.hash(hash, ...pieces), createHash(nodeName(hash)).update(data).digest());
  const expected = createHmac(nodeName(hash), key).update(data).digest();
  verifySame(`HMAC-${hash}`, core.hmac(hash, secret, ...pieces), expected);
  const stream = core.hmacStream(hash, secret);
  for (const piece of pieces) stream.update(piece);
  verifySame(`HMAC-${hash} stream`, stream.digest(), expected);
}

function derivation(core: Core, random: Random): void {
  const hash = random.pick(HASHES);
  const key = random.bytes(1 + random.below(128));
  using keyIn = SecretKey.copyOf(key);
  const request = {
    prf: `HMAC-${hash}`,
    counterBits: random.pick([8, 16, 24, 32] as const),
    before: random.bytes(random.below(80)),
    after: random.bytes(random.below(80)),
    lengthBytes: 1 + random.below(200),
  } as const;
  const blocks: Buffer[] = [];
  for (let i = 1; i <= Math.ceil(request.lengthBytes / 28); i++) {
    const counter = Buffer.from(i.toString(16).padStart(request.counterBits / 4, "0"), "hex");
    const message = Buffer.concat([request.before, counter, request.after]);
    blocks.push(createHmac(nodeName(hash), key).update(message).digest());
  }
  const expected = Buffer.concat(blocks).subarray(0, request.lengthBytes);
  using derived = core.kdfCounterFixed(keyIn, request);
  derived.use((bytes) => verifySame("counter KDF", bytes, expected));
}

const USAGE = `usage: npm run fuzz -- [--cases N] [--seed S]

Key wrap, lists of keys, hashes, MACs and derivations at random, by the core and by OpenSSL.

  --cases N   default 1000000, some ten minutes
  --seed S    repeats a run; by default another one each time`;

const values = readOptions(USAGE, {
  cases: { type: "string", default: "1000000" },
  seed: { type: "string", default: String(Date.now() % 1_000_000_007) },
});
const count = wholeNumber("cases", values.cases);
const seed = wholeNumber("seed", values.seed);
const core = new Core(coreModule());
const random = new Random(`holdfast core-fuzz ${seed}`);
console.log(`${count} cases, seed ${seed}`);
try {
  everyLength(core, random);
} catch (error) {
  console.error(`seed ${seed}: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
console.log(`key wrap of 1 to ${ALL_LENGTHS_BYTES} bytes alike`);
for (let i = 0; i < count; i++) {
  try {
    // Of 20 cases one is a list, since a list is many.
    const work = random.below(20) === 0 ? list : random.pick([single, hashing, derivation]);
    work(core, random);
  } catch (error) {
    console.error(`case ${i} of seed ${seed}: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  }
  if (i % 50_000 === 49_999) console.log(`${i + 1} alike`);
}
console.log(`${count} cases alike`);
