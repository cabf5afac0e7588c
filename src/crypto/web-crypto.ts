/**
 * What the engine uses of WebCrypto, as types: the platform's own object is passed in.
 *
 * `SubtleCrypto` of browsers, workerd and Node is assignable to `Subtle`; no primitive is here.
 */

/** Fresh random bytes from the platform's CSPRNG. */
export type RandomBytes = (length: number) => Uint8Array<ArrayBuffer>;

/** The time, milliseconds since 1970. */
export type Clock = () => number;

export type ByteSource = ArrayBufferView | ArrayBuffer;

export type PlatformKeyUsage =
  | "decrypt"
  | "deriveBits"
  | "deriveKey"
  | "encrypt"
  | "sign"
  | "unwrapKey"
  | "verify"
  | "wrapKey";

/** A key the platform holds (`CryptoKey`). */
export interface PlatformKey {
  readonly type: string;
  readonly extractable: boolean;
  /** What the key is for; of an RSA key also `modulusLength` and `publicExponent`. */
  readonly algorithm: { readonly name: string };
}

export interface PlatformKeyPair {
  readonly publicKey: PlatformKey;
  readonly privateKey: PlatformKey;
}

/** A JSON Web Key (RFC 7517, RFC 7518 §6), as much of it as key import reads. */
export interface JsonWebKey {
  alg?: string;
  crv?: string;
  d?: string;
  dp?: string;
  dq?: string;
  e?: string;
  ext?: boolean;
  k?: string;
  key_ops?: string[];
  kty: string;
  n?: string;
  oth?: unknown;
  p?: string;
  q?: string;
  qi?: string;
  use?: string;
  x?: string;
  y?: string;
}

/** What `exportKey("jwk")` gives: platforms disagree on whether `kty` may be missing. */
export type ExportedJwk = Omit<JsonWebKey, "kty"> & { kty?: string };

/** The parameters of all algorithms the engine asks for, in one type. */
export interface SubtleAlgorithm {
  readonly name: string;
  readonly additionalData?: ByteSource;
  readonly counter?: ByteSource;
  readonly hash?: string;
  readonly iterations?: number;
  readonly iv?: ByteSource;
  readonly label?: ByteSource;
  readonly length?: number;
  readonly modulusLength?: number;
  readonly namedCurve?: string;
  readonly publicExponent?: Uint8Array;
  readonly salt?: ByteSource;
  readonly saltLength?: number;
  readonly tagLength?: number;
}

export interface Subtle {
  importKey(
    format: "raw" | "pkcs8" | "spki",
    keyData: ByteSource,
    algorithm: SubtleAlgorithm,
    extractable: boolean,
    usages: PlatformKeyUsage[],
  ): Promise<PlatformKey>;
  exportKey(
    format: "raw" | "pkcs8" | "spki" | "jwk",
    key: PlatformKey,
  ): Promise<ArrayBuffer | ExportedJwk>;
  generateKey(
    algorithm: SubtleAlgorithm,
    extractable: boolean,
    usages: PlatformKeyUsage[],
  ): Promise<PlatformKey | PlatformKeyPair>;
  encrypt(algorithm: SubtleAlgorithm, key: PlatformKey, data: ByteSource): Promise<ArrayBuffer>;
  decrypt(algorithm: SubtleAlgorithm, key: PlatformKey, data: ByteSource): Promise<ArrayBuffer>;
  sign(algorithm: SubtleAlgorithm, key: PlatformKey, data: ByteSource): Promise<ArrayBuffer>;
  verify(
    algorithm: SubtleAlgorithm,
    key: PlatformKey,
    signature: ByteSource,
    data: ByteSource,
  ): Promise<boolean>;
  digest(algorithm: SubtleAlgorithm, data: ByteSource): Promise<ArrayBuffer>;
  deriveBits(
    algorithm: SubtleAlgorithm,
    baseKey: PlatformKey,
    lengthBits: number,
  ): Promise<ArrayBuffer>;
}

/** Exports `key` as bytes: a fresh array, secret if the key is, wiped by the caller. */
export async function exportKeyBytes(
  subtle: Subtle,
  format: "raw" | "pkcs8" | "spki",
  key: PlatformKey,
): Promise<Uint8Array<ArrayBuffer>> {
  const exported = await subtle.exportKey(format, key);
  if (exported instanceof ArrayBuffer) return new Uint8Array(exported);
  throw new Error("unreachable: the platform exported an object instead of bytes");
}
