/**
 * A value of a kit's document and the way to it: what it may be, asked where it is read.
 *
 * Spec: KIT.md §3, §4. Every method throws KitError with the place, and never with what stands there.
 */
import { decodeBase64, decodeHex, encodeBase64 } from "../../crypto/base-encodings.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import { type KitDocument, KitError, type KitFault } from "./errors.ts";

type PlaceCode = Extract<KitFault, { path: string }>["code"];

export class Member {
  readonly value: unknown;
  readonly path: string;

  /** What it is a member of. */
  readonly document: KitDocument;

  constructor(value: unknown, path: string, document: KitDocument = "recovery kit") {
    this.value = value;
    this.path = path;
    this.document = document;
  }

  refused(code: PlaceCode, expected: string): KitError {
    return new KitError({ code, path: this.path, expected }, this.document);
  }

  /** The member `name`, or null if it is absent. */
  optional(name: string): Member | null {
    const { value } = this;
    if (!isObject(value)) throw this.refused("kit_member_invalid", "an object");
    const found = Object.hasOwn(value, name) ? value[name] : undefined;
    const path = this.path === "" ? name : `${this.path}.${name}`;
    return found === undefined ? null : new Member(found, path, this.document);
  }

  member(name: string): Member {
    const found = this.optional(name);
    if (found !== null) return found;
    const path = this.path === "" ? name : `${this.path}.${name}`;
    throw new KitError({ code: "kit_member_missing", path, expected: name }, this.document);
  }

  items(min: number, max: number): Member[] {
    const { value } = this;
    if (!Array.isArray(value) || value.length < min || value.length > max) {
      throw this.refused("kit_member_invalid", `a list of ${min} to ${max}`);
    }
    return value.map((item: unknown, i) => new Member(item, `${this.path}[${i}]`, this.document));
  }

  text(maxBytes: number, minBytes = 1): string {
    const { value } = this;
    if (typeof value === "string" && value.isWellFormed()) {
      const { length } = new TextEncoder().encode(value);
      if (length >= minBytes && length <= maxBytes) return value;
    }
    throw this.refused("kit_member_invalid", `text of ${minBytes} to ${maxBytes} bytes`);
  }

  integer(min: number, max: number): number {
    const { value } = this;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    throw this.refused("kit_member_invalid", `an integer from ${min} to ${max}`);
  }

  hex(length: number): Uint8Array {
    const { value } = this;
    const isLower = typeof value === "string" && value === value.toLowerCase();
    const bytes = isLower ? decodeHex(value) : null;
    if (bytes === null || bytes.length !== length) {
      throw this.refused("kit_member_invalid", `${2 * length} lower-case hex digits`);
    }
    return bytes;
  }

  oneOf<const T extends string>(known: readonly T[]): T {
    const found = known.find((text) => text === this.value);
    if (found === undefined) throw this.refused("kit_member_invalid", known.join(" or "));
    return found;
  }

  /** Base64 (RFC 4648 §4, padded) of `min` to `max` fresh bytes, in the one form of them. */
  base64(min: number, max: number): Uint8Array<ArrayBuffer> {
    if (typeof this.value !== "string") throw this.refused("kit_member_invalid", "base64");
    const bytes = canonicalBase64(this.value);
    if (bytes === null) throw this.refused("kit_base64", "base64");
    if (bytes.length >= min && bytes.length <= max) return bytes;
    bytes.fill(0);
    throw this.refused("kit_key_length", min === max ? `${min} bytes` : `${min} to ${max} bytes`);
  }

  /** The same of a secret, which is added to `owned`. */
  secret(min: number, max: number, owned: SecretKey[]): SecretKey {
    return keep(new SecretKey(this.base64(min, max)), owned);
  }
}

/** Adds `key` to what is wiped if the kit cannot be read. */
export function keep(key: SecretKey, owned: SecretKey[]): SecretKey {
  owned.push(key);
  return key;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Null unless `text` is exactly what `encodeBase64` would write: one text for one key. */
function canonicalBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const bytes = decodeBase64(text);
  if (bytes === null || encodeBase64(bytes) === text) return bytes;
  bytes.fill(0);
  return null;
}
