/**
 * The recovery kit: one JSON file that opens backups with no service at all.
 *
 * Spec: KIT.md (kit/1). Parsing is strict and bounded. Text cannot be wiped: whoever reads a kit
 * lets go of its text at once; the keys leave here as `SecretKey`.
 */
import { decodeBase64, decodeHex, encodeBase64, encodeHex } from "../../crypto/base-encodings.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { Keyring, KeyVersion } from "../format/keys.ts";
import { KEY_BYTES, KEY_ID_BYTES } from "../format/layout.ts";
import type { RecoveryKey } from "../seal/recovery.ts";
import { KitError, type KitFault } from "./errors.ts";

const KIT_FORMAT = "holdfast-recovery-kit/1";
const KIT_FORMAT_PATTERN = /^holdfast-recovery-kit\/([1-9][0-9]{0,8})$/;
export const MAX_KIT_BYTES: number = 64 * 1024;
export const MAX_KEY_VERSIONS = 64;
const MAX_KIT_TEXT_BYTES = 128;
const MAX_NOTE_BYTES = 4096;
const MAX_PKCS8_BYTES = 4096;
/** KIT.md §3: some editors put it before a text, and it is pasted along with it. */
const BYTE_ORDER_MARK = /^\ufeff/;
const STATES = ["active", "retired", "destroyed"] as const;

/** Everything needed to open backups of one deployment. Disposal wipes all keys. */
export class RecoveryKit implements Disposable {
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly operator: string;
  readonly ring: Keyring;
  /** Null: the kit opens bare files only. */
  readonly recoveryKey: RecoveryKey | null;
  readonly note: string;

  /** Takes all keys over. */
  constructor(fields: Omit<RecoveryKit, typeof Symbol.dispose>) {
    this.createdAt = fields.createdAt;
    this.operator = fields.operator;
    this.ring = fields.ring;
    this.recoveryKey = fields.recoveryKey;
    this.note = fields.note;
  }

  [Symbol.dispose](): void {
    this.recoveryKey?.pkcs8[Symbol.dispose]();
    for (const { key } of [...this.ring.mkbk, ...this.ring.akbk]) key?.[Symbol.dispose]();
  }
}

/** The kit as a JSON document, members in the order of KIT.md, ending in a line feed. Secret. */
export function encodeKit(kit: RecoveryKit): string {
  const { recoveryKey } = kit;
  const document = {
    format: KIT_FORMAT,
    createdAt: kit.createdAt,
    manufacturer: kit.ring.manufacturer,
    operator: kit.operator,
    recoveryKey:
      recoveryKey === null
        ? null
        : { id: recoveryKey.id, pkcs8: recoveryKey.pkcs8.use(encodeBase64) },
    mkbk: kit.ring.mkbk.map(encodeVersion),
    akbk: kit.ring.akbk.map(encodeVersion),
    note: kit.note,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** The inverse. @throws KitError saying what is wrong and where, never quoting a value. */
export function parseKit(text: string): RecoveryKit {
  if (new TextEncoder().encode(text).length > MAX_KIT_BYTES) {
    throw new KitError({ code: "kit_too_large", maxBytes: MAX_KIT_BYTES });
  }
  const kit = new Member(parseJson(text.replace(BYTE_ORDER_MARK, "")), "kit");
  verifyFormat(isObject(kit.value) ? kit.value["format"] : undefined);
  kit.verifyMembers([
    "format",
    "createdAt",
    "manufacturer",
    "operator",
    "recoveryKey",
    "mkbk",
    "akbk",
    "note",
  ]);
  const owned: SecretKey[] = [];
  let holds = false;
  try {
    const parsed = new RecoveryKit({
      createdAt: parseTime(kit.member("createdAt")),
      operator: kit.member("operator").text(MAX_KIT_TEXT_BYTES),
      recoveryKey: parseRecoveryKey(kit.member("recoveryKey"), owned),
      ring: {
        manufacturer: kit.member("manufacturer").text(MAX_KIT_TEXT_BYTES),
        mkbk: parseVersions(kit.member("mkbk"), owned),
        akbk: parseVersions(kit.member("akbk"), owned),
      },
      note: kit.member("note").text(MAX_NOTE_BYTES, 0),
    });
    holds = true;
    return parsed;
  } finally {
    if (!holds) for (const key of owned) key[Symbol.dispose]();
  }
}

function encodeVersion({ id, version, state, key }: KeyVersion) {
  return { id: encodeHex(id), version, state, key: key === null ? null : key.use(encodeBase64) };
}

function parseVersions(list: Member, owned: SecretKey[]): KeyVersion[] {
  const versions = list.items(1, MAX_KEY_VERSIONS).map((item) => {
    item.verifyMembers(["id", "version", "state", "key"]);
    const state = parseState(item.member("state"));
    const key = item.member("key");
    if ((key.value === null) !== (state === "destroyed")) {
      throw key.refused("kit_member_invalid", "a key, or null if its state is destroyed");
    }
    return {
      id: item.member("id").hex(KEY_ID_BYTES),
      version: item.member("version").integer(1, 0xffff_ffff),
      state,
      key: key.value === null ? null : key.secret(KEY_BYTES, KEY_BYTES, owned),
    };
  });
  const names = new Set(versions.map(({ id, version }) => `${encodeHex(id)}/${version}`));
  if (names.size !== versions.length) {
    throw list.refused("kit_member_invalid", "no key twice");
  }
  return versions;
}

function parseRecoveryKey(member: Member, owned: SecretKey[]): RecoveryKey | null {
  if (member.value === null) return null;
  member.verifyMembers(["id", "pkcs8"]);
  return {
    id: encodeHex(member.member("id").hex(KEY_ID_BYTES)),
    pkcs8: member.member("pkcs8").secret(1, MAX_PKCS8_BYTES, owned),
  };
}

function parseState(member: Member): KeyVersion["state"] {
  const state = STATES.find((known) => known === member.value);
  if (state === undefined)
    throw member.refused("kit_member_invalid", "active, retired or destroyed");
  return state;
}

function parseTime(member: Member): string {
  const text = member.text(MAX_KIT_TEXT_BYTES);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text);
  if (!isTime) throw member.refused("kit_member_invalid", "a time such as 2026-01-31T12:00:00Z");
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which holds keys.
    throw new KitError({ code: "kit_not_json" });
  }
}

function verifyFormat(format: unknown): void {
  const match = typeof format === "string" ? KIT_FORMAT_PATTERN.exec(format) : null;
  if (match === null) throw new KitError({ code: "kit_not_ours" });
  const version = Number(match[1]);
  if (version > 1) throw new KitError({ code: "kit_newer_version", got: version, supported: 1 });
}

/** A value of the document and the way to it. */
class Member {
  readonly value: unknown;
  readonly path: string;

  constructor(value: unknown, path: string) {
    this.value = value;
    this.path = path;
  }

  refused(code: Extract<KitFault, { path: string }>["code"], expected: string): KitError {
    return new KitError({ code, path: this.path, expected });
  }

  member(name: string): Member {
    const path = this.path === "kit" ? name : `${this.path}.${name}`;
    const found = this.#object()[name];
    if (found === undefined) throw new Member(found, path).refused("kit_member_missing", name);
    return new Member(found, path);
  }

  /** Nothing but these. What is missing is found when it is asked for. */
  verifyMembers(names: readonly string[]): void {
    const unknown = Object.keys(this.#object()).some((name) => !names.includes(name));
    // An unknown name is not repeated: it may be a key pasted into the wrong place.
    if (unknown) throw this.refused("kit_member_invalid", `only ${names.join(", ")}`);
  }

  items(min: number, max: number): Member[] {
    const { value } = this;
    if (!Array.isArray(value) || value.length < min || value.length > max) {
      throw this.refused("kit_member_invalid", `a list of ${min} to ${max}`);
    }
    return value.map((item: unknown, i) => new Member(item, `${this.path}[${i}]`));
  }

  text(maxBytes: number, minBytes = 1): string {
    const { value } = this;
    if (typeof value === "string") {
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

  /** Base64 (RFC 4648 §4, padded) of a secret, which is added to `owned`. */
  secret(min: number, max: number, owned: SecretKey[]): SecretKey {
    if (typeof this.value !== "string") throw this.refused("kit_member_invalid", "base64");
    const bytes = parseSecret(this.value);
    if (bytes === null) throw this.refused("kit_base64", "base64");
    if (bytes.length < min || bytes.length > max) {
      bytes.fill(0);
      throw this.refused("kit_key_length", min === max ? `${min} bytes` : `${min} to ${max} bytes`);
    }
    const key = new SecretKey(bytes);
    owned.push(key);
    return key;
  }

  #object(): Readonly<Record<string, unknown>> {
    const { value } = this;
    if (!isObject(value)) throw this.refused("kit_member_invalid", "an object");
    return value;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Null unless `text` is exactly what `encodeBase64` would write: one text for one key. */
function parseSecret(text: string): Uint8Array | null {
  const bytes = decodeBase64(text);
  if (bytes === null || encodeBase64(bytes) === text) return bytes;
  bytes.fill(0);
  return null;
}
