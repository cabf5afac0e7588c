/**
 * The recovery kit: one JSON file that opens backups with no service at all.
 *
 * Spec: KIT.md (kit/1). Parsing is bounded. Text cannot be wiped: whoever reads a kit lets go of its
 * text at once; the keys leave here as `SecretKey`.
 */
import { encodeBase64, encodeHex } from "../../crypto/base-encodings.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { Checkpoint } from "../format/checkpoints.ts";
import type { Keyring, KeyVersion } from "../format/keys.ts";
import { DIGEST_BYTES, KEY_BYTES, KEY_ID_BYTES } from "../format/layout.ts";
import type { RecoveryKey } from "../seal/recovery-keys.ts";
import { KitError } from "./errors.ts";
import { Member } from "./member.ts";
import {
  encodePublicKey,
  encodeRecoveryKey,
  type KnownPublicKey,
  parseRecoveryKeys,
} from "./recovery-keys.ts";

const KIT_FORMAT = "holdfast-recovery-kit/1";
const KIT_FORMAT_PATTERN = /^holdfast-recovery-kit\/([1-9][0-9]*)$/;
export const MAX_KIT_BYTES: number = 64 * 1024;
const MAX_DEPTH = 32;
export const MAX_KEY_VERSIONS = 64;
const MAX_CHECKPOINTS = 64;
const MAX_KIT_TEXT_BYTES = 128;
const MAX_NOTE_BYTES = 4096;
/** KIT.md §3: some editors put it before a text, and it is pasted along with it. */
const BYTE_ORDER_MARK = /^\ufeff/;
const STATES = ["active", "retired", "destroyed"] as const;
/** KIT.md §3, in the order that a kit is written in. */
export const KIT_MEMBERS: readonly string[] = [
  "format",
  "critical",
  "createdAt",
  "manufacturer",
  "operator",
  "recoveryKeys",
  "mkbk",
  "akbk",
  "checkpoints",
  "note",
];

/** Everything needed to open backups of one deployment. Disposal wipes all keys. */
export class RecoveryKit implements Disposable {
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly operator: string;
  readonly ring: Keyring;
  /** Empty: the kit opens bare files only. */
  readonly recoveryKeys: readonly RecoveryKey[];
  /** Recovery keys whose private halves are elsewhere. */
  readonly publicKeys: readonly KnownPublicKey[];
  readonly checkpoints: readonly Checkpoint[];
  readonly note: string;

  /** Takes all keys over. */
  constructor(fields: Omit<RecoveryKit, typeof Symbol.dispose>) {
    this.createdAt = fields.createdAt;
    this.operator = fields.operator;
    this.ring = fields.ring;
    this.recoveryKeys = fields.recoveryKeys;
    this.publicKeys = fields.publicKeys;
    this.checkpoints = fields.checkpoints;
    this.note = fields.note;
  }

  [Symbol.dispose](): void {
    for (const key of this.recoveryKeys) {
      (key.algorithm === "hybrid" ? key.seed : key.pkcs8)[Symbol.dispose]();
    }
    for (const { key } of [...this.ring.mkbk, ...this.ring.akbk]) key?.[Symbol.dispose]();
  }
}

/** The kit as a JSON document, members in the order of KIT.md, ending in a line feed. Secret. */
export function encodeKit(kit: RecoveryKit): string {
  const document = {
    format: KIT_FORMAT,
    createdAt: kit.createdAt,
    manufacturer: kit.ring.manufacturer,
    operator: kit.operator,
    recoveryKeys: [
      ...kit.recoveryKeys.map(encodeRecoveryKey),
      ...kit.publicKeys.map(encodePublicKey),
    ],
    mkbk: kit.ring.mkbk.map(encodeVersion),
    akbk: kit.ring.akbk.map(encodeVersion),
    checkpoints: kit.checkpoints.map(({ clusterId, chainNumber, containerDigest }) => ({
      clusterId,
      chainNumber,
      containerDigest: encodeHex(containerDigest),
    })),
    note: kit.note,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** The inverse. @throws KitError saying what is wrong and where, never quoting a value. */
export function parseKit(text: string): RecoveryKit {
  if (new TextEncoder().encode(text).length > MAX_KIT_BYTES) {
    throw new KitError({ code: "kit_too_large", maxBytes: MAX_KIT_BYTES });
  }
  const kit = new Member(parseJson(text.replace(BYTE_ORDER_MARK, "")), "");
  verifyFormat(kit.value);
  verifyCritical(kit.optional("critical"));
  verifyComplete(kit);
  const owned: SecretKey[] = [];
  let holds = false;
  try {
    for (const item of kit.optional("critical")?.items(0, KIT_MEMBERS.length) ?? [])
      item.oneOf(KIT_MEMBERS);
    const createdAt = parseTime(kit.member("createdAt"));
    const manufacturer = kit.member("manufacturer").text(MAX_KIT_TEXT_BYTES);
    const operator = kit.member("operator").text(MAX_KIT_TEXT_BYTES);
    const parsed = new RecoveryKit({
      createdAt,
      operator,
      ...parseRecoveryKeys(kit.member("recoveryKeys"), owned),
      ring: {
        manufacturer,
        mkbk: parseVersions(kit.member("mkbk"), owned),
        akbk: parseVersions(kit.member("akbk"), owned),
      },
      checkpoints: parseCheckpoints(kit.optional("checkpoints")),
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
    const id = item.member("id").hex(KEY_ID_BYTES);
    const version = item.member("version").integer(1, 0xffff_ffff);
    const state = item.member("state").oneOf(STATES);
    const key = item.member("key");
    if ((key.value === null) !== (state === "destroyed")) {
      throw key.refused("kit_member_invalid", "a key, or null if its state is destroyed");
    }
    return {
      id,
      version,
      state,
      key: key.value === null ? null : key.secret(KEY_BYTES, KEY_BYTES, owned),
    };
  });
  verifyDistinct(
    list,
    versions.map(({ id, version }) => `${encodeHex(id)}/${version}`),
    "no key twice",
  );
  return versions;
}

function parseCheckpoints(list: Member | null): Checkpoint[] {
  if (list === null) return [];
  const checkpoints = list.items(0, MAX_CHECKPOINTS).map((item) => ({
    clusterId: item.member("clusterId").text(MAX_KIT_TEXT_BYTES),
    chainNumber: item.member("chainNumber").integer(1, Number.MAX_SAFE_INTEGER),
    containerDigest: item.member("containerDigest").hex(DIGEST_BYTES),
  }));
  verifyDistinct(
    list,
    checkpoints.map(({ clusterId, chainNumber }) => `${chainNumber} ${clusterId}`),
    "no backup twice",
  );
  return checkpoints;
}

function verifyDistinct(list: Member, names: readonly string[], expected: string): void {
  if (new Set(names).size !== names.length) throw list.refused("kit_member_invalid", expected);
}

function parseTime(member: Member): string {
  const text = member.text(MAX_KIT_TEXT_BYTES);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text);
  if (!isTime) throw member.refused("kit_member_invalid", "a time such as 2026-01-31T12:00:00Z");
  return text;
}

function parseJson(text: string): unknown {
  try {
    if (isNestedWithin(MAX_DEPTH, text)) return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which holds keys.
  }
  throw new KitError({ code: "kit_not_json" });
}

/** Whether no bracket of `text` outside its strings is deeper than `limit`. */
function isNestedWithin(limit: number, text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === "[" || token === "{") depth += 1;
    else if (token === "]" || token === "}") depth -= 1;
    if (depth > limit) return false;
  }
  return true;
}

function verifyFormat(document: unknown): void {
  const isObject = typeof document === "object" && document !== null && "format" in document;
  const format = isObject ? document.format : undefined;
  const match = typeof format === "string" ? KIT_FORMAT_PATTERN.exec(format) : null;
  if (match === null) throw new KitError({ code: "kit_not_ours" });
  const version = Number(match[1]);
  if (version > 1) throw new KitError({ code: "kit_newer_version", got: version, supported: 1 });
}

/** A member that this version has to know and does not is one of a later version. */
function verifyCritical(list: Member | null): void {
  const names: readonly unknown[] = Array.isArray(list?.value) ? list.value : [];
  const isKnown = (name: unknown) => typeof name !== "string" || KIT_MEMBERS.includes(name);
  if (names.every(isKnown)) return;
  throw new KitError({ code: "kit_newer_version", got: null, supported: 1 });
}

/** What is missing is told before what is wrong. */
function verifyComplete(kit: Member): void {
  for (const name of KIT_MEMBERS) {
    if (name !== "critical" && name !== "checkpoints") kit.member(name);
  }
}
