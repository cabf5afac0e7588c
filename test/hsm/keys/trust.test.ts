/**
 * `wrapWithTrusted`: which keys can be trusted, and that no way round them gives the bytes of a key
 * that asked for one. docs/HSM.md §3.3, §3.6.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Core } from "../../../src/crypto/core.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import type { Hsm } from "../../../src/hsm/hsm.ts";
import type { NewKeyAttributes } from "../../../src/hsm/keys/attribute-rules.ts";
import { USAGE_FLAGS } from "../../../src/hsm/keys/attribute-rules.ts";
import type { WrapMechanism } from "../../../src/hsm/keys/wrapping.ts";
import { encodeFlags, type KeyFlag, type KeyFlags } from "../../../src/hsm/memory/key-record.ts";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";
import { snapshotSource } from "../../../src/hsm/memory/snapshot.ts";
import type { HsmStore } from "../../../src/hsm/memory/store.ts";
import { HsmError } from "../../../src/hsm/rules/errors.ts";
import { activeHsm, blankHsm, type Cast, codeOf, faultOf, passwordOf } from "../../lib/hsm.ts";
import { changeKey, copyOf, restored } from "../memory/records.ts";

/** The bytes that nobody may get. */
const SECRET = Uint8Array.from({ length: 32 }, (_, i) => 0x40 + i);
/** What somebody imports, and so knows. */
const KNOWN = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
const KEK: NewKeyAttributes = { wrap: true, unwrap: true, extractable: false };
const MECHANISMS = ["aes-kw", "aes-kwp"] as const;

async function importAes(hsm: Hsm, token: string, bytes: Uint8Array, attributes: NewKeyAttributes) {
  const material = { format: "raw", type: "aes", key: SecretKey.copyOf(bytes) } as const;
  return (await hsm.importKey(token, { material, attributes })).handle;
}

async function generateAes(hsm: Hsm, token: string, attributes: NewKeyAttributes) {
  return (await hsm.generateKey(token, { type: "aes", sizeBits: 256, attributes })).handle;
}

/** Alice has a trusted key and one that asks for it. */
async function stage() {
  const cast = await activeHsm();
  const { hsm, admin, alice } = cast;
  const kek = await generateAes(hsm, alice, KEK);
  const secret = await importAes(hsm, alice, SECRET, { wrapWithTrusted: true });
  hsm.setAttributes(admin, kek, { trusted: true });
  return { ...cast, kek, secret };
}

/** Another HSM with what the first one holds now, and its users logged in. */
async function cloneOf({ store }: { store: HsmStore }): Promise<Cast> {
  const copy = await blankHsm(restored(copyOf(snapshotSource(store).records())));
  const token = async (name: string) => (await copy.hsm.login(name, passwordOf(name))).token;
  const [admin, alice, bob] = [await token("admin"), await token("alice"), await token("bob")];
  return { ...copy, admin, alice, bob };
}

function force(store: HsmStore, hsm: Hsm, token: string, handle: number, flags: Partial<KeyFlags>) {
  const { attributes } = hsm.describeKey(token, handle);
  changeKey(store, handle, { flags: encodeFlags({ ...attributes, ...flags }) });
}

function bytesOf({ store }: { store: HsmStore }, handle: number): Uint8Array {
  using secret = store.secret(RECORD_TYPE.key, handle);
  return secret?.use((bytes) => bytes.slice()) ?? new Uint8Array(0);
}

describe("a key becomes trusted", () => {
  it("if it is an AES key made here, never extractable, without decrypt; and is then frozen", async () => {
    const { hsm, alice, kek } = await stage();
    expect(hsm.describeKey(alice, kek).attributes).toMatchObject({
      trusted: true,
      modifiable: false,
      wrap: true,
      unwrap: true,
      decrypt: false,
    });
  });

  it.each<[string, (cast: Cast) => Promise<number>]>([
    ["imported", ({ hsm, alice }) => importAes(hsm, alice, KNOWN, KEK)],
    ["extractable", ({ hsm, alice }) => generateAes(hsm, alice, { ...KEK, extractable: true })],
    ["able to decrypt", ({ hsm, alice }) => generateAes(hsm, alice, { ...KEK, decrypt: true })],
    [
      "able to decrypt since later",
      async ({ hsm, alice }) => {
        const handle = await generateAes(hsm, alice, KEK);
        hsm.setAttributes(alice, handle, { decrypt: true });
        return handle;
      },
    ],
    [
      "unwrapped",
      async ({ hsm, alice }) => {
        const wrapping = await importAes(hsm, alice, KNOWN, KEK);
        const inside = await importAes(hsm, alice, SECRET, {});
        const wrapped = hsm.wrapKey(alice, inside, wrapping, "aes-kw");
        const request = { mechanism: "aes-kw", wrapped, type: "aes", attributes: KEK } as const;
        return (await hsm.unwrapKey(alice, wrapping, request)).handle;
      },
    ],
    [
      "a generic secret",
      async ({ hsm, alice }) => {
        const attributes = { extractable: false };
        const order = { type: "generic-secret", sizeBits: 256, attributes } as const;
        return (await hsm.generateKey(alice, order)).handle;
      },
    ],
    [
      "a key pair",
      async ({ hsm, alice }) => {
        const attributes = { extractable: false, wrap: true };
        const order = { type: "rsa", sizeBits: 2048, attributes } as const;
        return (await hsm.generateKeyPair(alice, order)).handle;
      },
    ],
  ])("and not if it is %s", async (_, make) => {
    const cast = await activeHsm();
    const handle = await make(cast);
    const trust = () => cast.hsm.setAttributes(cast.admin, handle, { trusted: true });
    expect(await faultOf(trust)).toMatchObject({ code: "attribute_refused", attribute: "trusted" });
    expect(cast.hsm.describeKey(cast.alice, handle).attributes.trusted).toBe(false);
  });

  it("and not once it had decrypt, which does not go away again", async () => {
    const { hsm, admin, alice } = await activeHsm();
    const handle = await generateAes(hsm, alice, { ...KEK, decrypt: true });
    const hide = () => hsm.setAttributes(alice, handle, { decrypt: false });
    expect(await faultOf(hide)).toMatchObject({ attribute: "decrypt" });
    const trust = () => hsm.setAttributes(admin, handle, { trusted: true });
    expect(await codeOf(trust)).toBe("attribute_refused");
  });

  it("and its owner changes nothing of it any more, also when it is not trusted any more", async () => {
    const { hsm, admin, alice, kek } = await stage();
    const changes = [...USAGE_FLAGS.map((flag) => ({ [flag]: flag !== "wrap" })), { label: "x" }];
    for (const trusted of [true, false]) {
      if (!trusted) hsm.setAttributes(admin, kek, { trusted });
      for (const change of changes) {
        const set = () => hsm.setAttributes(alice, kek, change);
        expect(await codeOf(set)).toBe("attribute_refused");
      }
    }
  });
});

describe("what asks for a trusted key", () => {
  it.each(MECHANISMS)("leaves under one with %s, and comes back", async (mechanism) => {
    const { hsm, alice, kek, secret, store } = await stage();
    const wrapped = hsm.wrapKey(alice, secret, kek, mechanism);
    const back = await hsm.unwrapKey(alice, kek, { mechanism, wrapped, type: "aes" });
    expect(back.attributes).toMatchObject({ sensitive: true, wrapWithTrusted: true, local: false });
    expect(bytesOf({ store }, back.handle)).toEqual(SECRET);
  });

  const FORGED: [string, Partial<KeyFlags>][] = [
    ["imported", { local: false, neverExtractable: false }],
    ["once extractable", { neverExtractable: false }],
    ["extractable", { extractable: true, neverExtractable: false }],
    ["able to decrypt", { decrypt: true }],
    ["not trusted any more", { trusted: false }],
  ];
  it.each(FORGED)("does not leave under a restored one that is %s", async (_, flags) => {
    const { hsm, admin, kek, secret, store, alice } = await stage();
    force(store, hsm, admin, kek, flags);
    const copy = await cloneOf({ store });
    for (const [one, token] of [
      [hsm, alice],
      [copy.hsm, copy.alice],
    ] as const) {
      for (const mechanism of MECHANISMS) {
        const leave = () => one.wrapKey(token, secret, kek, mechanism);
        expect(await codeOf(leave)).toBe("key_not_extractable");
      }
    }
  });

  it("does not leave under an untrusted key of the trusted one's value", async () => {
    const { hsm, alice, kek, secret, store } = await stage();
    const same = await importAes(hsm, alice, bytesOf({ store }, kek), { ...KEK, decrypt: true });
    const leave = () => hsm.wrapKey(alice, secret, same, "aes-kw");
    expect(await codeOf(leave)).toBe("key_not_extractable");
  });
});

describe("what was wrapped under a trusted key", () => {
  const ASKED: [string, NewKeyAttributes, string][] = [
    ["nothing", {}, ""],
    ["true", { sensitive: true, wrapWithTrusted: true }, ""],
    ["not extractable", { extractable: false }, ""],
    ["not wrapWithTrusted", { wrapWithTrusted: false }, "wrapWithTrusted"],
    ["not sensitive", { sensitive: false }, "sensitive"],
  ];
  it.each(ASKED)("comes back as it must, asked for %s", async (_, attributes, refused) => {
    const { hsm, alice, kek, secret } = await stage();
    for (const mechanism of MECHANISMS) {
      const wrapped = hsm.wrapKey(alice, secret, kek, mechanism);
      const keys = hsm.listKeys(alice).keys.length;
      for (const type of ["aes", "generic-secret"] as const) {
        const request = { mechanism, wrapped, type, attributes };
        const unwrap = () => hsm.unwrapKey(alice, kek, request);
        if (refused !== "") {
          expect(await faultOf(unwrap)).toMatchObject({ attribute: refused });
          expect(hsm.listKeys(alice).keys).toHaveLength(keys);
          continue;
        }
        const { handle } = await unwrap();
        await expectKept(hsm, alice, handle);
      }
    }
  });

  async function expectKept(hsm: Hsm, token: string, handle: number): Promise<void> {
    for (const format of ["raw", "jwk"] as const) {
      const leave = () => hsm.exportKey(token, handle, format);
      expect(await codeOf(leave)).toBe("key_not_extractable");
    }
    for (const flag of ["sensitive", "wrapWithTrusted"] as const) {
      const change = () => hsm.setAttributes(token, handle, { [flag]: false });
      expect(await codeOf(change)).toBe("attribute_refused");
    }
  }

  it("is kept for those whom the key is shared with, and when it is not trusted any more", async () => {
    const { hsm, admin, alice, bob, kek, secret } = await stage();
    hsm.shareKey(alice, kek, "bob");
    const wrapped = hsm.wrapKey(alice, secret, kek, "aes-kwp");
    hsm.setAttributes(admin, kek, { trusted: false });
    for (const token of [alice, bob]) {
      const request = { mechanism: "aes-kwp", wrapped, type: "aes" } as const;
      await expectKept(hsm, token, (await hsm.unwrapKey(token, kek, request)).handle);
      const attributes = { wrapWithTrusted: false };
      const ask = () => hsm.unwrapKey(token, kek, { ...request, attributes });
      expect(await codeOf(ask)).toBe("attribute_refused");
    }
  });

  it("is kept in a cluster made from a backup of before the key was trusted", async () => {
    const cast = await activeHsm();
    const { hsm, admin, alice } = cast;
    const kek = await generateAes(hsm, alice, KEK);
    const before = await cloneOf(cast);
    const secret = await importAes(hsm, alice, SECRET, { wrapWithTrusted: true });
    hsm.setAttributes(admin, kek, { trusted: true });
    const wrapped = hsm.wrapKey(alice, secret, kek, "aes-kw");
    const attributes = { wrapWithTrusted: false };
    const request = { mechanism: "aes-kw", wrapped, type: "aes" } as const;
    const ask = () => before.hsm.unwrapKey(before.alice, kek, { ...request, attributes });
    expect(await codeOf(ask)).toBe("attribute_refused");
    const { handle } = await before.hsm.unwrapKey(before.alice, kek, request);
    await expectKept(before.hsm, before.alice, handle);
    // There the owner may still give it decrypt; with AES itself the bytes do not open.
    before.hsm.setAttributes(before.alice, kek, { decrypt: true });
    using value = SecretKey.copyOf(bytesOf(before, kek));
    using opener = before.core.kek(value);
    expect(opener.kwUnwrap(wrapped)).toBeNull();
  });

  it("is kept also if it was wrapped under the key itself, as earlier builds did", async () => {
    const { hsm, alice, kek, core, store } = await stage();
    using value = SecretKey.copyOf(bytesOf({ store }, kek));
    using wrapping = core.kek(value);
    const wrapped = wrapping.kwWrap(SECRET);
    const request = { mechanism: "aes-kw", wrapped, type: "aes" } as const;
    await expectKept(hsm, alice, (await hsm.unwrapKey(alice, kek, request)).handle);
  });

  it("is not decrypted with it, though it comes from a backup with decrypt", async () => {
    const { hsm, alice, kek, store, admin } = await stage();
    force(store, hsm, admin, kek, { decrypt: true, encrypt: true, modifiable: true });
    const copy = await cloneOf({ store });
    for (const mechanism of ["aes-gcm", "aes-cbc", "aes-ctr"] as const) {
      const iv = new Uint8Array(mechanism === "aes-gcm" ? 12 : 16);
      const request = { mechanism, iv, ciphertext: new Uint8Array(32) };
      for (const [one, token] of [
        [hsm, alice],
        [copy.hsm, copy.alice],
      ] as const) {
        const fault = await faultOf(() => one.decrypt(token, kek, request));
        expect(fault).toMatchObject({ code: "key_usage", attribute: "decrypt" });
      }
    }
    const usages = USAGE_FLAGS.filter((flag) => !["wrap", "unwrap", "encrypt"].includes(flag));
    for (const flag of usages) {
      const current = copy.hsm.describeKey(copy.alice, kek).attributes[flag];
      const change = () => copy.hsm.setAttributes(copy.alice, kek, { [flag]: !current });
      expect(await faultOf(change)).toMatchObject({ attribute: flag });
    }
  });
});

/** One step of somebody who wants the secret; numbers choose among what there is. */
interface Step {
  readonly what: (typeof WHAT)[number];
  readonly who: "alice" | "bob";
  /** The key in question, and the one that it is wrapped or unwrapped under. */
  readonly key: number;
  readonly kek: number;
  readonly flags: readonly KeyFlag[];
  /** What is said of `wrapWithTrusted` when a key is made. */
  readonly asked: boolean | null;
  readonly mechanism: WrapMechanism;
}
const WHAT = [
  ...["generate", "import", "set", "set", "unset", "trust", "distrust", "share", "wrap"],
  ...["wrapSecret", "wrapSecret", "unwrap", "unwrap", "unwrap", "export", "export", "export"],
  ...["decrypt", "goBack", "tidy"],
] as const;
const FLAGS = [
  ...USAGE_FLAGS,
  "sensitive",
  "extractable",
  "modifiable",
  "wrapWithTrusted",
] as const;

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    what: fc.constantFrom(...WHAT),
    who: fc.constantFrom("alice", "alice", "alice", "bob"),
    key: fc.nat(5),
    kek: fc.nat(5),
    flags: fc.subarray([...FLAGS]),
    asked: fc.constantFrom(true, false, null),
    mechanism: fc.constantFrom(...MECHANISMS),
  }) as fc.Arbitrary<Step>,
  { minLength: 10, maxLength: 60 },
);

function wished({ flags, asked }: Step): NewKeyAttributes {
  const given = Object.fromEntries(flags.map((flag) => [flag, true]));
  return asked === null ? given : { ...given, wrapWithTrusted: asked };
}

/** Two CUs and an officer who do as they are told, and all that they come to know. */
class Attack {
  readonly known: Uint8Array[] = [KNOWN];
  readonly wrapped: Uint8Array[] = [];
  /** Values of keys that decrypt for them: as good as known for what AES wraps. */
  readonly oracles: Uint8Array[] = [];
  #cast: Cast;
  readonly #earlier: Cast;
  readonly #secret: number;

  private constructor(cast: Cast, earlier: Cast, secret: number) {
    this.#cast = cast;
    this.#earlier = earlier;
    this.#secret = secret;
  }

  /** With two keys fit for trust, which a restored older cluster has as well, and the secret. */
  static async begin(): Promise<Attack> {
    const cast = await activeHsm();
    const { hsm, admin, alice } = cast;
    const kek = await generateAes(hsm, alice, KEK);
    await generateAes(hsm, alice, KEK);
    const earlier = await cloneOf(cast);
    const secret = await importAes(hsm, alice, SECRET, { wrapWithTrusted: true });
    hsm.setAttributes(admin, kek, { trusted: true });
    return new Attack(cast, earlier, secret);
  }

  get core(): Core {
    return this.#cast.core;
  }

  async take(step: Step): Promise<void> {
    const { hsm, admin } = this.#cast;
    const token = this.#cast[step.who];
    const key = this.#handle(step.key);
    const kek = this.#handle(step.kek);
    switch (step.what) {
      case "generate":
        await generateAes(hsm, token, { extractable: false, ...wished(step) });
        break;
      case "import":
        await importAes(hsm, token, KNOWN, wished(step));
        break;
      case "set":
        for (const flag of step.flags) hsm.setAttributes(token, key, { [flag]: true });
        break;
      case "unset":
        for (const flag of step.flags) hsm.setAttributes(token, key, { [flag]: false });
        break;
      case "trust":
        hsm.setAttributes(admin, key, { trusted: true });
        break;
      case "distrust":
        hsm.setAttributes(admin, key, { trusted: false });
        break;
      case "share":
        hsm.shareKey(token, key, step.who === "alice" ? "bob" : "alice");
        break;
      case "wrap":
        this.wrapped.push(hsm.wrapKey(token, key, kek, step.mechanism));
        break;
      case "wrapSecret":
        this.wrapped.push(hsm.wrapKey(token, this.#secret, kek, step.mechanism));
        break;
      case "unwrap":
        await this.#unwrap(token, kek, step);
        break;
      case "export":
        await this.#export(token, key);
        break;
      case "decrypt":
        await this.#decrypt(token, kek);
        break;
      case "goBack":
        this.#cast = this.#earlier;
        break;
      case "tidy":
        hsm.deleteKey(token, key);
        break;
    }
  }

  /** Even numbers count from the first key, odd ones from the newest. */
  #handle(n: number): number {
    const { keys } = this.#cast.hsm.listKeys(this.#cast.admin);
    return keys.at(n % 2 === 0 ? n / 2 : -(n + 1) / 2)?.handle ?? 0;
  }

  /** All that they have, each time: the newest first. */
  async #unwrap(token: string, handle: number, step: Step) {
    for (const wrapped of this.wrapped.slice(-3).reverse()) {
      const { mechanism } = step;
      const request = { mechanism, wrapped, type: "aes", attributes: wished(step) } as const;
      try {
        await this.#cast.hsm.unwrapKey(token, handle, request);
        break;
      } catch (error) {
        if (!(error instanceof HsmError)) throw error;
      }
    }
  }

  async #export(token: string, handle: number) {
    const exported = await this.#cast.hsm.exportKey(token, handle, "raw");
    if ("key" in exported) this.known.push(exported.key.use((bytes) => bytes.slice()));
  }

  async #decrypt(token: string, handle: number) {
    const iv = new Uint8Array(16);
    const request = { mechanism: "aes-ctr", iv, ciphertext: new Uint8Array(16) } as const;
    await this.#cast.hsm.decrypt(token, handle, request);
    this.oracles.push(bytesOf(this.#cast, handle));
  }

  /** Everything they can open outside, with what they know and with what that opens. */
  learn(): void {
    for (let before = -1; before < this.known.length; ) {
      before = this.known.length;
      const keys = [...this.known, ...this.oracles];
      for (const key of keys) for (const wrapped of this.wrapped) this.#open(key, wrapped);
    }
  }

  #open(key: Uint8Array, wrapped: Uint8Array): void {
    using value = SecretKey.copyOf(key);
    using derived = this.core.kdfCounter(value, "holdfast/v1/trusted-wrap", new Uint8Array(0), 32);
    const isKnown = this.known.includes(key);
    for (const under of isKnown ? [value, derived] : [value]) {
      using kek = this.core.kek(under);
      for (const plain of [kek.kwUnwrap(wrapped), kek.kwpUnwrap(wrapped)]) {
        const isNew = plain !== null && !this.known.some((one) => this.core.equal(one, plain));
        if (plain !== null && isNew) this.known.push(plain);
      }
    }
  }
}

describe("no sequence of what two users and an officer may do", () => {
  it("tells them the bytes of a key that asks for a trusted one", async () => {
    let wrapped = 0;
    let opened = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const attack = await Attack.begin();
        for (const step of list) {
          try {
            await attack.take(step);
          } catch (error) {
            if (!(error instanceof HsmError)) throw error;
          }
        }
        attack.learn();
        wrapped += attack.wrapped.length;
        opened += attack.known.length - 1;
        expect(attack.known.some((bytes) => attack.core.equal(bytes, SECRET))).toBe(false);
      }),
      { numRuns: 150 },
    );
    // They were not idle: what asks for nothing they did get.
    expect(wrapped).toBeGreaterThan(20);
    expect(opened).toBeGreaterThan(5);
  }, 120_000);
});
