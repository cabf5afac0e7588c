/**
 * Keys and certificates that wait for their turns: what is refused before the first, and what has
 * happened by the last. Turns and calls are counted.
 */
import { rootCertificates } from "node:tls";
import { describe, expect, it } from "vitest";
import { type FairTurns, UNQUEUED } from "../../../src/hsm/access/turns.ts";
import { Hsm } from "../../../src/hsm/hsm.ts";
import type { KeyImport } from "../../../src/hsm/keys/import.ts";
import type { MemoryStore } from "../../../src/hsm/memory/memory-store.ts";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";
import { activeHsm, type Cast, CHEAP, codeOf, faultOf } from "../../lib/hsm.ts";
import { EC, pem, raw } from "../../lib/key-material.ts";

const KEY: KeyImport = { material: { format: "pem", pem: pem(EC["P-256"]!.privateKey, "pkcs8") } };
const LABELLED: KeyImport = { ...KEY, attributes: { label: "x".repeat(129) } };

interface Queued {
  readonly cast: Cast;
  /** The same memory, with turns that tell. */
  readonly hsm: Hsm;
  /** Whose work waited. */
  readonly names: string[];
  /** Turns that were had. */
  turns: number;
}

/** @param inTurn - what happens elsewhere before the turn of that number, from 1. */
async function queued(inTurn: (turn: number, cast: Cast) => unknown = () => null): Promise<Queued> {
  const cast = await activeHsm();
  const names: string[] = [];
  const turns: FairTurns = {
    ...UNQUEUED,
    compute(username, work) {
      names.push(username);
      return work(async (piece) => {
        test.turns += 1;
        await inTurn(test.turns, cast);
        return await piece();
      });
    },
  };
  const { store, sessions, attempts, core, clock } = cast;
  const hsm = new Hsm({
    ...{ store, sessions, attempts, core, turns, passwordCost: CHEAP },
    subtle: globalThis.crypto.subtle,
    random: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
    now: () => clock.nowMs,
  });
  const test = { cast, hsm, names, turns: 0 };
  return test;
}

/** Copies of the first key stand for keys: one less than there is room for. */
function fill(store: MemoryStore): void {
  const row = store.get(RECORD_TYPE.key, 1)!;
  store.transaction(() => {
    for (let id = 2; id <= 3_332; id++) store.put({ ...row, id, secret: null }, "");
  });
}

describe("keys", () => {
  it("have a turn each, at the name of whoever brings or makes them; secret keys need none", async () => {
    const test = await queued();
    const { hsm, cast } = test;
    await hsm.importKeys(cast.alice, [KEY, { material: raw("aes", 16) }, KEY]);
    expect([test.turns, test.names]).toEqual([2, ["alice"]]);
    await hsm.importKey(cast.bob, KEY);
    await hsm.generateKeyPair(cast.bob, { type: "ec", curve: "P-256" });
    expect([test.turns, test.names]).toEqual([4, ["alice", "bob", "bob"]]);
    await hsm.importKeys(cast.alice, [{ material: raw("aes", 16) }]);
    await hsm.generateKey(cast.alice, { type: "aes", sizeBits: 128 });
    expect(test.turns).toBe(4);
  });

  it.each([
    ["a label", LABELLED, "attribute_refused"],
    ["an id", { ...KEY, attributes: { id: "no hex" } }, "attribute_refused"],
    ["trusted", { ...KEY, attributes: { trusted: true } }, "attribute_refused"],
    ["a session key", { ...KEY, attributes: { token: false } }, "attribute_refused"],
    ["its length", { material: { format: "pem", pem: "x".repeat(65_537) } }, "key_unreadable"],
    ["a size", { material: raw("aes", 17) }, "key_unsupported"],
  ] as const)("are not read if the last of them is refused at sight: %s", async (_, last, code) => {
    const test = await queued();
    const requests = [...Array(499).fill(KEY), last];
    const fault = await faultOf(() => test.hsm.importKeys(test.cast.alice, requests));
    expect(fault).toMatchObject({ code: "batch_item", index: 499, cause: { code } });
    expect(await codeOf(() => test.hsm.importKey(test.cast.alice, last))).toBe(code);
    expect(test.turns).toBe(0);
  });

  it("are neither read nor made where there is no room for all", async () => {
    const test = await queued();
    const { hsm, cast } = test;
    const { handle } = await hsm.importKey(cast.alice, KEY);
    expect(handle).toBe(1);
    fill(cast.store);
    expect(await codeOf(() => hsm.importKeys(cast.alice, [KEY, KEY]))).toBe("asymmetric_key_limit");
    expect(test.turns).toBe(1);
    await hsm.importKey(cast.alice, KEY);
    expect(test.turns).toBe(2);
    expect(await codeOf(() => hsm.importKey(cast.alice, KEY))).toBe("asymmetric_key_limit");
    const made = hsm.generateKeyPair(cast.alice, { type: "rsa", sizeBits: 4_096 });
    expect(await codeOf(() => made)).toBe("asymmetric_key_limit");
    expect(test.turns).toBe(2);
  });

  it("do not get in by a session that ended while they waited", async () => {
    const { hsm, cast } = await queued((turn, { hsm: other, alice }) => {
      if (turn === 2) other.logout(alice);
    });
    const code = await codeOf(() => hsm.importKeys(cast.alice, [KEY, KEY, KEY]));
    expect(code).toBe("session_invalid");
    expect(cast.store.count(RECORD_TYPE.key)).toBe(0);
  });

  it("do not get in where the room was taken while they waited", async () => {
    const { hsm, cast } = await queued((turn, { store }) => {
      if (turn === 3) fill(store);
    });
    await hsm.importKey(cast.alice, KEY);
    expect(await codeOf(() => hsm.importKeys(cast.alice, [KEY, KEY]))).toBe("asymmetric_key_limit");
    expect(cast.store.count(RECORD_TYPE.key)).toBe(3_332);
  });

  it("are not unwrapped by a key that was unshared while they waited", async () => {
    const { hsm, cast } = await queued((turn, { hsm: other, alice }) => {
      if (turn === 2) other.unshareKey(alice, kek.handle, "bob");
    });
    const flags = { wrap: true, unwrap: true };
    const kek = await hsm.generateKey(cast.alice, {
      type: "aes",
      sizeBits: 256,
      attributes: flags,
    });
    const { handle } = await hsm.importKey(cast.alice, KEY);
    const wrapped = hsm.wrapKey(cast.alice, handle, kek.handle, "aes-kwp");
    hsm.shareKey(cast.alice, kek.handle, "bob");
    const order = { mechanism: "aes-kwp", wrapped, type: "ec" } as const;
    expect(await codeOf(() => hsm.unwrapKey(cast.bob, kek.handle, order))).toBe("key_not_found");
  });
});

describe("certificates", () => {
  const [ONE = "", TWO = "", THREE = ""] = rootCertificates;

  it("are read some at a time", async () => {
    const test = await queued();
    const views = await test.hsm.importCertificates(test.cast.alice, rootCertificates.join("\n"));
    expect(views).toHaveLength(rootCertificates.length);
    expect(test.names).toEqual(["alice"]);
    expect(test.turns).toBeGreaterThanOrEqual((2 * rootCertificates.length) / 16);
  });

  it("are once there if another import brought them meanwhile", async () => {
    const { hsm, cast } = await queued(async (turn, { hsm: other, bob }) => {
      if (turn === 2) await other.importCertificates(bob, ONE);
    });
    const views = await hsm.importCertificates(cast.alice, `${ONE}\n${TWO}`);
    expect(views.map(({ owner }) => owner)).toEqual(["bob", "alice"]);
    expect(hsm.listCertificates(cast.alice)).toHaveLength(2);
  });

  it("are there if somebody deleted meanwhile what was held", async () => {
    const { hsm, cast } = await queued((turn, { hsm: other, bob }) => {
      if (turn !== 2) return;
      for (const { id } of other.listCertificates(bob)) other.deleteCertificate(bob, id);
    });
    await cast.hsm.importCertificates(cast.bob, ONE);
    const views = await hsm.importCertificates(cast.alice, `${ONE}\n${TWO}`);
    expect(views.map(({ owner }) => owner)).toEqual(["alice", "alice"]);
  });

  it("do not get in where the room was taken meanwhile", async () => {
    const { hsm, cast } = await queued((turn, { store }) => {
      if (turn !== 2) return;
      const row = store.list(RECORD_TYPE.certificate, 0, 1)[0]!;
      store.transaction(() => {
        for (let id = row.id + 1; id <= 1_023; id++) {
          store.put({ ...row, id, secret: null }, `${id}`);
        }
      });
    });
    await cast.hsm.importCertificates(cast.bob, ONE);
    const code = await codeOf(() => hsm.importCertificates(cast.alice, `${TWO}\n${THREE}`));
    expect(code).toBe("certificate_limit");
    expect(hsm.listCertificates(cast.alice)).toHaveLength(1_023);
  });
});
