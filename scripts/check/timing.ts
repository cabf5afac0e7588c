/**
 * A statistical look at the core's timing: Welch's t-test between two classes of secrets.
 *
 * After Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?" (2017). |t| under 4.5
 * means that this run saw no difference; the control, an early exit, has to show one. A look, not a
 * proof, beside the traces of test/crypto/constant-time.test.ts, which say nothing of the machine
 * under them. `npm run timing`.
 */
import { randomBytes, randomInt } from "node:crypto";
import { Core } from "../../src/crypto/core.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import { coreModule } from "../../test/lib/core.ts";
import { readOptions, wholeNumber } from "../terminal/options.ts";

const THRESHOLD = 4.5;
const core = new Core(coreModule());
const bytes = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/** Prepares one measurement of class 0 or 1 and returns what is timed. */
type Experiment = (secretClass: number) => () => void;

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

/** Welch's t of the two classes, the slowest tenth of all measurements left out. */
function welch(times: readonly (readonly number[])[]): number {
  const limit = times.flat().sort((a, b) => a - b)[Math.floor(times.flat().length * 0.9)] ?? 0;
  const [a = [], b = []] = times.map((list) => list.filter((x) => x <= limit));
  const variance = (list: readonly number[]): number => {
    const m = mean(list);
    return list.reduce((sum, x) => sum + (x - m) ** 2, 0) / (list.length - 1);
  };
  const error = Math.sqrt(variance(a) / a.length + variance(b) / b.length);
  return error === 0 ? 0 : (mean(a) - mean(b)) / error;
}

function measure(experiment: Experiment, measurements: number): number {
  const times: number[][] = [[], []];
  for (let i = 0; i < measurements; i++) {
    const secretClass = randomInt(2);
    const run = experiment(secretClass);
    const start = process.hrtime.bigint();
    run();
    const ns = Number(process.hrtime.bigint() - start);
    if (i > measurements / 10) times[secretClass]?.push(ns); // the engine warms up first
  }
  return welch(times);
}

/**
 * Zeros (class 0) or random bytes (class 1), by a mask: both are made in the same way and in the
 * same place, so that only the contents differ.
 */
function zerosOrRandom(secretClass: number, length: number): Uint8Array {
  const mask = -secretClass;
  return bytes(length).map((x) => x & mask);
}

/**
 * A copy with one bit of the first (class 0) or of the last byte (class 1) changed, by masks too.
 */
function changedAtEnd(secretClass: number, original: Uint8Array): Uint8Array {
  const changed = original.slice();
  changed[0] = (changed[0] ?? 0) ^ (1 - secretClass);
  changed[changed.length - 1] = (changed[changed.length - 1] ?? 0) ^ secretClass;
  return changed;
}

const kekKey = SecretKey.copyOf(bytes(32));
const kek = core.kek(kekKey);
const good = kek.kwpWrap(bytes(64));

/** A comparison that ends at the first difference: what the control has to find. */
function earlyExit(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const EXPERIMENTS: readonly [name: string, experiment: Experiment, isControl: boolean][] = [
  [
    "control: a comparison with an early exit, first or last byte different",
    (secretClass) => {
      const a = bytes(4096);
      const b = changedAtEnd(secretClass, a);
      return () => earlyExit(a, b);
    },
    true,
  ],
  [
    "equal: first or last byte different",
    (secretClass) => {
      const a = bytes(4096);
      const b = changedAtEnd(secretClass, a);
      return () => core.equal(a, b);
    },
    false,
  ],
  [
    "kek: the zero key or a random one",
    (secretClass) => {
      const key = new SecretKey(zerosOrRandom(secretClass, 32));
      return () => core.kek(key)[Symbol.dispose]();
    },
    false,
  ],
  [
    "KWP wrap: zeros or random bytes",
    (secretClass) => {
      const plain = zerosOrRandom(secretClass, 64);
      return () => kek.kwpWrap(plain);
    },
    false,
  ],
  [
    "KWP unwrap: first or last byte changed",
    (secretClass) => {
      const wrapped = changedAtEnd(secretClass, good);
      return () => kek.kwpUnwrap(wrapped);
    },
    false,
  ],
  [
    "KWP wrap in eight lanes: zeros or random bytes",
    (secretClass) => {
      const plain = zerosOrRandom(secretClass, 8 * 64);
      return () => kek.kwpWrapChunks(plain, 64);
    },
    false,
  ],
  [
    "AES-CMAC: the zero key or a random one",
    (secretClass) => {
      const key = new SecretKey(zerosOrRandom(secretClass, 32));
      return () => core.cmac(key, good);
    },
    false,
  ],
  [
    "HMAC-SHA-256: the zero key or a random one",
    (secretClass) => {
      const key = new SecretKey(zerosOrRandom(secretClass, 32));
      const message = good;
      return () => core.hmacSha256(key, message);
    },
    false,
  ],
];

const USAGE = `usage: npm run timing -- [--measurements N]

Welch's t between two classes of secrets, for each operation that sees one. Judge it on a quiet
machine.

  --measurements N   of each operation; default 100000`;

const values = readOptions(USAGE, { measurements: { type: "string", default: "100000" } });
const measurements = wholeNumber("measurements", values.measurements);
for (const [name, experiment, isControl] of EXPERIMENTS) {
  const t = measure(experiment, measurements);
  const found = Math.abs(t) > THRESHOLD;
  const judgement = found === isControl ? "as it should be" : isControl ? "BLIND" : "LOOK INTO IT";
  console.log(`${name}: t = ${t.toFixed(2)}, ${judgement}`);
}
