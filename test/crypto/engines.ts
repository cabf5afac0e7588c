/**
 * The implementations of key wrap that one suite runs over: the core, the plain reference, OpenSSL.
 *
 * A refusal is null. Kek and messages are borrowed.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Core, Kek } from "../../src/crypto/core.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import * as reference from "../reference/key-wrap.ts";

export interface KeyWrapEngine {
  readonly name: string;
  kwWrap(kek: Uint8Array, plain: Uint8Array): Uint8Array;
  kwUnwrap(kek: Uint8Array, wrapped: Uint8Array): Uint8Array | null;
  kwpWrap(kek: Uint8Array, plain: Uint8Array): Uint8Array;
  kwpUnwrap(kek: Uint8Array, wrapped: Uint8Array): Uint8Array | null;
}

const KW_IV = Buffer.alloc(8, 0xa6);
const KWP_IV = Buffer.from("a65959a6", "hex");

function opensslWrap(suffix: "" | "-pad", kek: Uint8Array, plain: Uint8Array): Uint8Array {
  const iv = suffix === "" ? KW_IV : KWP_IV;
  const cipher = createCipheriv(`id-aes${kek.length * 8}-wrap${suffix}`, kek, iv);
  return new Uint8Array(Buffer.concat([cipher.update(plain), cipher.final()]));
}

function opensslUnwrap(suffix: "" | "-pad", kek: Uint8Array, wrapped: Uint8Array) {
  const iv = suffix === "" ? KW_IV : KWP_IV;
  try {
    const cipher = createDecipheriv(`id-aes${kek.length * 8}-wrap${suffix}`, kek, iv);
    return new Uint8Array(Buffer.concat([cipher.update(wrapped), cipher.final()]));
  } catch {
    return null; // OpenSSL tells a refusal only by throwing
  }
}

/** Node's OpenSSL: `id-aes…-wrap` and `-wrap-pad`. */
export const opensslEngine: KeyWrapEngine = {
  name: "OpenSSL",
  kwWrap: (kek, plain) => opensslWrap("", kek, plain),
  kwUnwrap: (kek, wrapped) => opensslUnwrap("", kek, wrapped),
  kwpWrap: (kek, plain) => opensslWrap("-pad", kek, plain),
  kwpUnwrap: (kek, wrapped) => opensslUnwrap("-pad", kek, wrapped),
};

/** test/reference/key-wrap.ts. */
export const referenceEngine: KeyWrapEngine = { name: "reference", ...reference };

function withKek<T>(core: Core, key: Uint8Array, use: (kek: Kek) => T): T {
  using secret = SecretKey.copyOf(key);
  using kek = core.kek(secret);
  return use(kek);
}

/** One message in one lane. */
export function coreEngine(core: Core): KeyWrapEngine {
  return {
    name: "core",
    kwWrap: (key, plain) => withKek(core, key, (kek) => kek.kwWrap(plain)),
    kwUnwrap: (key, wrapped) => withKek(core, key, (kek) => kek.kwUnwrap(wrapped)),
    kwpWrap: (key, plain) => withKek(core, key, (kek) => kek.kwpWrap(plain)),
    kwpUnwrap: (key, wrapped) => withKek(core, key, (kek) => kek.kwpUnwrap(wrapped)),
  };
}

/**
 * The same message in each of `lanes` lanes: all of them have to agree. What has no lanes (KW, and
 * lengths that KWP does not have) is left to one lane.
 */
export function laneEngine(core: Core, lanes: number): KeyWrapEngine {
  const single = coreEngine(core);
  const repeat = (bytes: Uint8Array): Uint8Array[] => Array.from({ length: lanes }, () => bytes);
  const allSame = (results: readonly Uint8Array[]): Uint8Array => {
    const [first = new Uint8Array(0)] = results;
    if (results.some((bytes) => Buffer.compare(bytes, first) !== 0))
      throw new Error("lanes differ");
    return first;
  };
  return {
    ...single,
    name: `core, ${lanes} lanes`,
    kwpWrap: (key, plain) => withKek(core, key, (kek) => allSame(kek.wrapMany(repeat(plain)))),
    kwpUnwrap: (key, wrapped) =>
      withKek(core, key, (kek) => {
        const plains = kek.unwrapMany(repeat(wrapped));
        return Array.isArray(plains) ? allSame(plains) : null;
      }),
  };
}
