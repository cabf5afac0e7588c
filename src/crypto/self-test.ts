/**
 * Known answers, one per algorithm and direction, and one refusal: run before the first use of a
 * core.
 *
 * FIPS 197 appendix C, RFC 3394 §4.6, RFC 5649 §6, CAVP (KWP_AD_128, KBKDF-CTR), FIPS 180-4
 * ("abc"), RFC 4231 §4.3, RFC 4493 §4; the KDF's with HMAC was made with OpenSSL. Detects a broken
 * build or engine, not an attack.
 */
import { requireHex } from "./base-encodings.ts";
import { CoreMemory, REFUSED } from "./memory.ts";

type KnownAnswer = readonly [plain: Uint8Array, answer: Uint8Array];

const sequence = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const BLOCK = requireHex("00112233445566778899aabbccddeeff");
const AES_ANSWERS: readonly [key: Uint8Array, answer: Uint8Array][] = [
  [sequence(16), requireHex("69c4e0d86a7b0430d8cdb78070b4c55a")],
  [sequence(24), requireHex("dda97ca4864cdfe06eaf70a0ec0d7191")],
  [sequence(32), requireHex("8ea2b7ca516745bfeafc49904b496089")],
];
const KW_KEY = sequence(32);
const KW_PLAIN = requireHex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
const KW_ANSWER = requireHex(
  "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
);
const KWP_KEY = requireHex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
const KWP_SHORT: KnownAnswer = [
  requireHex("466f7250617369"),
  requireHex("afbeb0f07dfbf5419200f2ccb50bb24f"),
];
const KWP_LONG: KnownAnswer = [
  requireHex("c37b7e6492584340bed12207808941155068f738"),
  requireHex("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"),
];
// The shortest message that lanes take, under the shortest key. A longer one costs a fresh process
// a millisecond: it has V8 optimise the lane engines in the midst of the test.
const LANES_KEY = requireHex("5442bcdcbaba659dbc247f375688c496");
const LANES_PLAIN = requireHex("41bf777a0ca313060c");
const LANES_ANSWER = requireHex("0a41dfdf41da1f38e39cd59162f850fa851d02de48845eb6");
const SHA_MESSAGE = ascii("abc");
const SHA_ANSWERS: readonly [algorithm: number, answer: Uint8Array][] = [
  [28, requireHex("23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")],
  [32, requireHex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")],
  [
    48,
    requireHex(
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
  ],
  [
    64,
    requireHex(
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
  ],
];
const HMAC_KEY = ascii("Jefe");
const HMAC_MESSAGE = ascii("what do ya want for nothing?");
const HMAC_ANSWERS: readonly [algorithm: number, answer: Uint8Array][] = [
  [28, requireHex("a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44")],
  [32, requireHex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")],
  [
    48,
    requireHex(
      "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
    ),
  ],
  [
    64,
    requireHex(
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
  ],
];
const CMAC_KEY = requireHex("2b7e151628aed2a6abf7158809cf4f3c");
const CMAC_MESSAGE = requireHex(
  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411",
);
const CMAC_ANSWER = requireHex("dfa66747de9ae63030ca32611497c827");
const KDF_ANSWER = requireHex(
  "38b2e93ae8fb50ea0a33927d767b60d0660ae46d655f1cb9b91661f820047636429540e4246b4ceab19a86b518889d80",
);

// KBKDF-CTR with CMAC-AES-128: the counter, 32 bits, and the fixed input.
const CMAC_KDF_KEY = requireHex("6ee0468cd5944e2a80efe000f4a54e4a");
const CMAC_KDF_MESSAGE = requireHex(
  "00000000457550cabc3802cccbf3bcd5cea5d274eb46396ac5f3f274fd7a07e0a789c0a1663445f054ffe744cc092077a1ba1a5a49b3744cb2208e9cb37318d9",
);
const CMAC_KDF_ANSWER = requireHex("5570052e5a6072b0bb4243733c2b7317");
const KDF_KEY = sequence(32);
// label ‖ 00 ‖ context ‖ [L]32 behind the counter, which the module writes.
const KDF_MESSAGE = requireHex(
  "00000000686f6c64666173742f76312f73656c662d74657374006b6e6f776e20616e7377657200000180",
);

/** More of DATA than any test touches. */
const TOUCHED_BYTES = 1024;

/**
 * Runs every known answer, in slots of its own; live handles are not disturbed.
 * @throws Error naming the first that is missed. What passed through memory is wiped either way.
 */
export function selfTest(memory: CoreMemory): void {
  const key = memory.aesSlots.take();
  const hash = memory.hashSlots.take();
  try {
    testAes(memory, key.slot);
    testKeyWrap(memory, key.slot);
    testLanes(memory, key.slot);
    testHashes(memory, hash.slot);
    testMacs(memory, key.slot);
    testKdf(memory);
  } finally {
    memory.wipePassing(TOUCHED_BYTES);
    memory.exports.aesClearKey(key.slot);
    memory.exports.hashClose(hash.slot);
    memory.aesSlots.give(key);
    memory.hashSlots.give(hash);
  }
}

function failed(what: string): Error {
  return new Error(`self-test failed: ${what}; this module must not be used`);
}

function verifyAnswer(name: string, got: Uint8Array, answer: Uint8Array): void {
  let different = got.length ^ answer.length;
  for (let i = 0; i < answer.length; i++) different |= (got[i] ?? 0) ^ (answer[i] ?? 0);
  if (different !== 0) throw failed(name);
}

function setKey(memory: CoreMemory, slot: number, key: Uint8Array): void {
  memory.putKey(key);
  CoreMemory.counted(memory.exports.aesSetKey(slot, key.length));
}

function testAes(memory: CoreMemory, slot: number): void {
  const { exports } = memory;
  for (const [key, answer] of AES_ANSWERS) {
    setKey(memory, slot, key);
    memory.putData(BLOCK);
    exports.aesEncryptBlocks(slot, 16);
    verifyAnswer(`AES-${key.length * 8} forward`, memory.takeData(0, 16), answer);
    exports.aesDecryptBlocks(slot, 16);
    verifyAnswer(`AES-${key.length * 8} inverse`, memory.takeData(0, 16), BLOCK);
  }
}

function testKeyWrap(memory: CoreMemory, slot: number): void {
  const { exports } = memory;
  setKey(memory, slot, KW_KEY);
  memory.putData(KW_PLAIN, 8);
  const wrappedBytes = CoreMemory.counted(exports.kwWrap(slot, KW_PLAIN.length));
  const wrapped = memory.takeData(0, wrappedBytes);
  verifyAnswer("KW wrap", wrapped, KW_ANSWER);
  const plainBytes = CoreMemory.counted(exports.kwUnwrap(slot, wrappedBytes));
  verifyAnswer("KW unwrap", memory.takeData(8, plainBytes), KW_PLAIN);
  wrapped[wrappedBytes - 1] = 0x20; // it ends in 21
  memory.putData(wrapped);
  if (exports.kwUnwrap(slot, wrappedBytes) !== REFUSED) throw failed("KW accepts a flipped bit");

  setKey(memory, slot, KWP_KEY);
  for (const [plain, answer] of [KWP_SHORT, KWP_LONG]) {
    memory.putData(plain, 8);
    const length = CoreMemory.counted(exports.kwpWrap(slot, plain.length));
    verifyAnswer("KWP wrap", memory.takeData(0, length), answer);
    const unwrappedBytes = CoreMemory.counted(exports.kwpUnwrap(slot, length));
    verifyAnswer("KWP unwrap", memory.takeData(8, unwrappedBytes), plain);
  }
}

/** Each lane engine gives the known answer in every lane, and finds the lane that is bad. */
function testLanes(memory: CoreMemory, slot: number): void {
  const { exports } = memory;
  const { length } = LANES_PLAIN;
  const stride = 16 + ((length + 15) & ~15);
  setKey(memory, slot, LANES_KEY);
  for (const count of [4, 8]) {
    for (let lane = 0; lane < count; lane++) memory.putData(LANES_PLAIN, lane * stride + 8);
    const wrappedBytes = CoreMemory.counted(exports.kwpWrapLanes(slot, count, length));
    for (let lane = 0; lane < count; lane++) {
      verifyAnswer("KWP wrap in lanes", memory.takeData(lane * stride, wrappedBytes), LANES_ANSWER);
    }
    const unwrapped = exports.kwpUnwrapLanes(slot, count, wrappedBytes, length);
    verifyAnswer(
      "KWP unwrap in lanes",
      memory.takeData(8, CoreMemory.counted(unwrapped)),
      LANES_PLAIN,
    );
    for (let lane = 0; lane < count; lane++) memory.putData(LANES_ANSWER, lane * stride);
    memory.putData(Uint8Array.of(0), 2 * stride); // it begins with 0a
    if (exports.kwpUnwrapLanes(slot, count, wrappedBytes, length) !== REFUSED - 2) {
      throw failed("lanes accept a flipped bit");
    }
  }
}

function testHashes(memory: CoreMemory, slot: number): void {
  const { exports } = memory;
  for (const [algorithm, answer] of SHA_ANSWERS) {
    exports.hashOpen(slot, algorithm);
    memory.putData(SHA_MESSAGE);
    exports.hashUpdate(slot, SHA_MESSAGE.length);
    const length = CoreMemory.counted(exports.hashDigest(slot));
    verifyAnswer(`SHA-${algorithm * 8}`, memory.takeOut(length), answer);
  }
}

function testMacs(memory: CoreMemory, slot: number): void {
  const { exports } = memory;
  for (const [algorithm, answer] of HMAC_ANSWERS) {
    memory.putKey(HMAC_KEY);
    memory.putData(HMAC_MESSAGE);
    const digestBytes = exports.hmacOnce(algorithm, HMAC_KEY.length, HMAC_MESSAGE.length);
    const digest = memory.takeOut(CoreMemory.counted(digestBytes));
    verifyAnswer(`HMAC-SHA-${algorithm * 8}`, digest, answer);
  }
  setKey(memory, slot, CMAC_KEY);
  memory.putData(CMAC_MESSAGE);
  const tagBytes = CoreMemory.counted(exports.aesCmac(slot, CMAC_MESSAGE.length));
  verifyAnswer("AES-CMAC", memory.takeOut(tagBytes), CMAC_ANSWER);
}

function testKdf(memory: CoreMemory): void {
  const derive = (prf: number, key: Uint8Array, message: Uint8Array, bytes: number): Uint8Array => {
    memory.putKey(key);
    memory.putData(message);
    const derived = memory.exports.kdfCounter(prf, key.length, message.length, 0, 4, bytes);
    return memory.takeData((message.length + 15) & ~15, CoreMemory.counted(derived));
  };
  const withHmac = derive(32, KDF_KEY, KDF_MESSAGE, KDF_ANSWER.length);
  verifyAnswer("counter KDF with HMAC-SHA-256", withHmac, KDF_ANSWER);
  const withCmac = derive(16, CMAC_KDF_KEY, CMAC_KDF_MESSAGE, CMAC_KDF_ANSWER.length);
  verifyAnswer("counter KDF with AES-CMAC", withCmac, CMAC_KDF_ANSWER);
}
