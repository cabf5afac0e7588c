/**
 * Known answers, one per algorithm and direction, and one refusal: run before the first use of a core.
 *
 * FIPS 197 appendix C, RFC 3394 §4.6, RFC 5649 §6, FIPS 180-4 (the "abc" examples), RFC 4231 §4.3,
 * RFC 4493 §4; the KDF's was made with OpenSSL's HMAC. Detects a broken build or engine, not an attack.
 */
import { CoreMemory, REFUSED } from "./memory.ts";

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

const sequence = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const BLOCK = "00112233445566778899aabbccddeeff";
const AES_ANSWERS: readonly [keyBytes: number, answer: string][] = [
  [16, "69c4e0d86a7b0430d8cdb78070b4c55a"],
  [24, "dda97ca4864cdfe06eaf70a0ec0d7191"],
  [32, "8ea2b7ca516745bfeafc49904b496089"],
];
const KW_ANSWER =
  "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21";
const KWP_KEY = "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8";
const KWP_ANSWERS: readonly [plain: string, answer: string][] = [
  ["466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"],
  [
    "c37b7e6492584340bed12207808941155068f738",
    "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
  ],
];
const SHA_ANSWERS: readonly [algorithm: number, answer: string][] = [
  [28, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"],
  [32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    48,
    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
  ],
  [
    64,
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  ],
];
const HMAC_ANSWER = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
const CMAC_KEY = "2b7e151628aed2a6abf7158809cf4f3c";
const CMAC_MESSAGE =
  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411";
const CMAC_ANSWER = "dfa66747de9ae63030ca32611497c827";
const KDF_ANSWER =
  "38b2e93ae8fb50ea0a33927d767b60d0660ae46d655f1cb9b91661f820047636429540e4246b4ceab19a86b518889d80";

/** Runs every known answer. @throws Error naming the first that is missed. Memory is wiped after. */
export function selfTest(memory: CoreMemory): void {
  try {
    testAes(memory);
    testKeyWrap(memory);
    testLanes(memory);
    testHashes(memory);
    testMacsAndKdf(memory);
  } finally {
    memory.wipeAll();
  }
}

function verifyAnswer(name: string, got: Uint8Array, answer: string): void {
  const expected = fromHex(answer);
  if (got.length === expected.length && got.every((byte, i) => byte === expected[i])) return;
  throw new Error(`self-test failed: ${name}; this module must not be used`);
}

function testAes(memory: CoreMemory): void {
  const { exports } = memory;
  for (const [keyBytes, answer] of AES_ANSWERS) {
    memory.putKey(sequence(keyBytes));
    exports.aesSetKey(0, keyBytes);
    memory.putData(fromHex(BLOCK));
    exports.aesEncryptBlocks(0, 16);
    verifyAnswer(`AES-${keyBytes * 8} forward`, memory.takeData(0, 16), answer);
    exports.aesDecryptBlocks(0, 16);
    verifyAnswer(`AES-${keyBytes * 8} inverse`, memory.takeData(0, 16), BLOCK);
  }
}

function testKeyWrap(memory: CoreMemory): void {
  const { exports } = memory;
  const plain = fromHex(`${BLOCK}000102030405060708090a0b0c0d0e0f`);
  memory.putKey(sequence(32));
  exports.aesSetKey(0, 32);
  memory.putData(plain, 8);
  const wrappedBytes = exports.kwWrap(0, plain.length);
  const wrapped = memory.takeData(0, CoreMemory.counted(wrappedBytes));
  verifyAnswer("KW wrap", wrapped, KW_ANSWER);
  const plainBytes = CoreMemory.counted(exports.kwUnwrap(0, wrapped.length));
  verifyAnswer("KW unwrap", memory.takeData(8, plainBytes), toHex(plain));
  wrapped[wrapped.length - 1] = 0x20; // it ends in 21
  memory.putData(wrapped);
  if (exports.kwUnwrap(0, wrapped.length) !== REFUSED) {
    throw new Error("self-test failed: KW accepts a flipped bit; this module must not be used");
  }

  memory.putKey(fromHex(KWP_KEY));
  exports.aesSetKey(0, 24);
  for (const [hex, answer] of KWP_ANSWERS) {
    memory.putData(fromHex(hex), 8);
    const length = CoreMemory.counted(exports.kwpWrap(0, hex.length / 2));
    verifyAnswer("KWP wrap", memory.takeData(0, length), answer);
    const unwrappedBytes = CoreMemory.counted(exports.kwpUnwrap(0, length));
    verifyAnswer("KWP unwrap", memory.takeData(8, unwrappedBytes), hex);
  }
}

/** Each lane engine gives the known answer in every lane, and finds the lane that is bad. */
function testLanes(memory: CoreMemory): void {
  const { exports } = memory;
  const [plain, answer] = KWP_ANSWERS[1] ?? ["", ""];
  const length = plain.length / 2;
  const stride = 16 + ((length + 15) & ~15);
  for (const count of [4, 8]) {
    for (let lane = 0; lane < count; lane++) memory.putData(fromHex(plain), lane * stride + 8);
    const wrappedBytes = CoreMemory.counted(exports.kwpWrapLanes(0, count, length));
    for (let lane = 0; lane < count; lane++) {
      verifyAnswer("KWP wrap in lanes", memory.takeData(lane * stride, wrappedBytes), answer);
    }
    const unwrapped = exports.kwpUnwrapLanes(0, count, wrappedBytes, length);
    verifyAnswer("KWP unwrap in lanes", memory.takeData(8, CoreMemory.counted(unwrapped)), plain);
    for (let lane = 0; lane < count; lane++) memory.putData(fromHex(answer), lane * stride);
    memory.putData(Uint8Array.of(0), 2 * stride); // it begins with 13
    if (exports.kwpUnwrapLanes(0, count, wrappedBytes, length) !== REFUSED - 2) {
      throw new Error("self-test failed: lanes accept a flipped bit; this module must not be used");
    }
  }
}

function testHashes(memory: CoreMemory): void {
  const { exports } = memory;
  for (const [algorithm, answer] of SHA_ANSWERS) {
    exports.hashOpen(0, algorithm);
    memory.putData(ascii("abc"));
    exports.hashUpdate(0, 3);
    const length = CoreMemory.counted(exports.hashDigest(0));
    verifyAnswer(`SHA-${algorithm * 8}`, memory.takeOut(length), answer);
  }
}

function testMacsAndKdf(memory: CoreMemory): void {
  const { exports } = memory;
  memory.putKey(ascii("Jefe"));
  exports.hmacOpen(0, 32, 4);
  memory.putData(ascii("what do ya want for nothing?"));
  exports.hashUpdate(0, 28);
  const digestBytes = CoreMemory.counted(exports.hashDigest(0));
  verifyAnswer("HMAC-SHA-256", memory.takeOut(digestBytes), HMAC_ANSWER);

  memory.putKey(fromHex(CMAC_KEY));
  exports.aesSetKey(0, 16);
  memory.putData(fromHex(CMAC_MESSAGE));
  exports.aesCmac(0, 40);
  verifyAnswer("AES-CMAC", memory.takeOut(16), CMAC_ANSWER);

  const message = fromHex("00000000686f6c64666173742f76312f73656c662d7465737400");
  const rest = ascii("known answer");
  memory.putData(message);
  memory.putData(rest, message.length);
  memory.putData(fromHex("00000180"), message.length + rest.length);
  memory.putKey(sequence(32));
  const messageBytes = message.length + rest.length + 4;
  const derivedBytes = CoreMemory.counted(exports.kdfCounter(32, 32, messageBytes, 0, 4, 48));
  const derived = memory.takeData((messageBytes + 15) & ~15, derivedBytes);
  verifyAnswer("counter KDF", derived, KDF_ANSWER);
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
