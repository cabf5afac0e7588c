import { encode, rfc8949EncodeOptions } from "cborg";
import { describe, expect, it } from "vitest";
import { DEFAULT_POLICIES } from "../../../src/hsm/access/policies.ts";
import { inventory } from "../../../src/hsm/inventory.ts";
import { putPolicies } from "../../../src/hsm/memory/policy-record.ts";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";
import { snapshotSource, stateDigest } from "../../../src/hsm/memory/snapshot.ts";
import { generateFullCluster, importFullCluster } from "../../lib/generator.ts";
import {
  activeHsm,
  blankHsm,
  type Cast,
  CHEAP,
  codeOf,
  faultOf,
  passwordOf,
} from "../../lib/hsm.ts";
import { changeKey, changeUsername, copyOf, restored } from "./records.ts";

/** An HSM with something of everything, and with protections. */
async function fullHsm(): Promise<Cast> {
  const cast = await activeHsm();
  const cluster = await generateFullCluster({ keys: 60, users: 12, passwordCost: CHEAP });
  await importFullCluster(cast.hsm, cluster, cast.admin);
  return cast;
}

/** Restores what `cast` holds onto a blank HSM. */
async function twin(cast: Cast) {
  return await blankHsm(restored(snapshotSource(cast.store).records()));
}

describe("a snapshot", () => {
  it("lists records in canonical order, with the sizes they turn out to have", async () => {
    const { store } = await fullHsm();
    const entries = [...snapshotSource(store).entries()];
    const records = copyOf(snapshotSource(store).records());
    expect(records.map(({ type, id, bytes }) => [type, id, bytes.length])).toEqual(
      entries.map(({ type, id, byteLength }) => [type, id, byteLength]),
    );
    const sorted = [...entries].sort((a, b) => a.type - b.type || a.id - b.id);
    expect(entries).toEqual(sorted);
  });

  it("is an array of attributes and secret in deterministic CBOR", async () => {
    const { store } = await fullHsm();
    for (const { bytes } of snapshotSource(store).records()) expect(bytes[0]).toBe(0x82);
    const [policy] = copyOf(snapshotSource(store).records()).filter(({ type }) => type === 2);
    const map = new Map([8, 32, 5, 0, 0, 0, 0, 0, 0].map((value, i) => [i + 1, value]));
    expect(policy?.bytes).toEqual(
      new Uint8Array(encode([map, new Uint8Array(0)], rfc8949EncodeOptions)),
    );
  });

  it("wipes each record when the next one is asked for", async () => {
    const { store } = await fullHsm();
    let last: Uint8Array = new Uint8Array(0);
    for (const { bytes } of snapshotSource(store).records()) {
      const behind = new Uint8Array(bytes.buffer, bytes.byteLength);
      expect(Buffer.compare(behind, new Uint8Array(behind.length))).toBe(0);
      last = new Uint8Array(bytes.buffer);
    }
    expect(last.length).toBeGreaterThan(0);
    expect(Buffer.compare(last, new Uint8Array(last.length))).toBe(0);
  });

  it("restores to the same records, views and state digest", async () => {
    const cast = await fullHsm();
    const store = restored(snapshotSource(cast.store).records());
    expect(copyOf(snapshotSource(store).records())).toEqual(
      copyOf(snapshotSource(cast.store).records()),
    );
    expect(inventory(store)).toEqual(inventory(cast.store));
    expect(stateDigest(store, cast.core)).toEqual(stateDigest(cast.store, cast.core));
  });

  it("restores names and labels that nobody may give today, and shows them as they are", async () => {
    const cast = await activeHsm();
    const aes = { type: "aes", sizeBits: 128 } as const;
    const { handle } = await cast.hsm.generateKey(cast.alice, aes);
    const label = "fdp.\u202eeciovni\0\n\u0085";
    changeKey(cast.store, handle, { label });
    const { id } = changeUsername(cast.store, "bob", "b\u200bob\0");
    const { hsm, store } = await twin(cast);
    expect(inventory(store).keys.map((key) => key.label)).toEqual([label]);
    expect(stateDigest(store, cast.core)).toEqual(stateDigest(cast.store, cast.core));
    const session = (await hsm.login("b\u200bob\0", passwordOf("bob"))).token;
    expect(hsm.whoAmI(session)).toMatchObject({ id, username: "b\u200bob\0" });
    const owner = (await hsm.login("alice", passwordOf("alice"))).token;
    expect((await hsm.setAttributes(owner, handle, { encrypt: true })).label).toBe(label);
  });

  it("does not depend on the order in which records came in", async () => {
    const cast = await fullHsm();
    const store = restored(copyOf(snapshotSource(cast.store).records()).reverse());
    expect(stateDigest(store, cast.core)).toEqual(stateDigest(cast.store, cast.core));
  });

  it("shows nothing secret in an inventory", async () => {
    const { store } = await fullHsm();
    const json = JSON.stringify(inventory(store), (_, value) => {
      expect(ArrayBuffer.isView(value)).toBe(false);
      return value;
    });
    const text = json.replaceAll("\\n", ""); // The lines of a PEM, as one.
    let secrets = 0;
    for (const { type, id } of store.all()) {
      const secret = store.secret(type, id);
      secret?.use((bytes) => {
        secrets++;
        for (const form of ["hex", "base64", "base64url"] as const) {
          expect(text).not.toContain(Buffer.from(bytes).toString(form));
        }
      });
    }
    expect(secrets).toBe(60 + store.count(RECORD_TYPE.user));
  });
});

describe("the state digest", () => {
  it("is SHA-256 over its label and one entry per record", async () => {
    const { store, core } = await activeHsm();
    const entries = copyOf(snapshotSource(store).records()).map(({ type, id, bytes }) => {
      const head = Buffer.alloc(9);
      head.writeUInt8(type);
      head.writeBigUInt64BE(BigInt(id), 1);
      return Buffer.concat([head, core.sha256(bytes)]);
    });
    const label = Buffer.from("holdfast/v1/state-digest\0");
    expect(stateDigest(store, core)).toEqual(core.sha256(label, ...entries));
  });

  it("changes with a failed login once it is counted in the record", async () => {
    const { hsm, store, core } = await activeHsm();
    const before = stateDigest(store, core);
    await codeOf(() => hsm.login("alice", "wrong-password"));
    expect(stateDigest(store, core)).toEqual(before);
    hsm.mergeAttempts();
    expect(stateDigest(store, core)).not.toEqual(before);
  });

  it("does not change with sessions", async () => {
    const { hsm, store, core } = await activeHsm();
    const before = stateDigest(store, core);
    hsm.logout((await hsm.login("alice", passwordOf("alice"))).token);
    expect(stateDigest(store, core)).toEqual(before);
  });
});

describe("a restored HSM has the same protections", () => {
  it("knows all users, their roles and their passwords", async () => {
    const cast = await fullHsm();
    const { hsm } = await twin(cast);
    const { token, user } = await hsm.login("admin", passwordOf("admin"));
    expect(user.role).toBe("CO");
    expect(hsm.listUsers(token)).toEqual(cast.hsm.listUsers(cast.admin));
    expect((await hsm.login("alice", passwordOf("alice"))).user.role).toBe("CU");
  });

  it("keeps a locked user locked, and the count of one who is not yet", async () => {
    const cast = await activeHsm();
    for (let i = 0; i < 6; i++) await codeOf(() => cast.hsm.login("alice", "wrong-password"));
    for (let i = 0; i < 5; i++) await codeOf(() => cast.hsm.login("bob", "wrong-password"));
    cast.hsm.mergeAttempts();
    const { hsm } = await twin(cast);
    expect(await codeOf(() => hsm.login("alice", passwordOf("alice")))).toBe("login_failed");
    await codeOf(() => hsm.login("bob", "wrong-password"));
    expect(await codeOf(() => hsm.login("bob", passwordOf("bob")))).toBe("login_failed");
  });

  it("keeps a key in that is not extractable, and signs with it", async () => {
    const cast = await activeHsm();
    const { handle } = await cast.hsm.generateKeyPair(cast.alice, {
      type: "ec",
      curve: "P-256",
      attributes: { sign: true, verify: true, extractable: false },
    });
    const { hsm } = await twin(cast);
    const { token } = await hsm.login("alice", passwordOf("alice"));
    expect(await codeOf(() => hsm.exportKey(token, handle, "pkcs8"))).toBe("key_not_extractable");
    const data = new Uint8Array(5);
    const signature = await hsm.sign(token, handle, "ecdsa-sha256", data);
    const request = { mechanism: "ecdsa-sha256" as const, data, signature };
    expect(await cast.hsm.verify(cast.alice, handle, request)).toBe(true);
  });

  it("keeps owners and sharing", async () => {
    const cast = await activeHsm();
    const { handle } = await cast.hsm.generateKey(cast.alice, { type: "aes", sizeBits: 256 });
    const other = await cast.hsm.generateKey(cast.alice, { type: "aes", sizeBits: 256 });
    cast.hsm.shareKey(cast.alice, handle, "bob");
    const { hsm } = await twin(cast);
    const { token } = await hsm.login("bob", passwordOf("bob"));
    expect(hsm.describeKey(token, handle)).toMatchObject({ owner: "alice", sharedWith: ["bob"] });
    expect(await codeOf(() => hsm.describeKey(token, other.handle))).toBe("key_not_found");
    expect(await codeOf(() => hsm.deleteKey(token, handle))).toBe("key_not_owned");
  });

  it("keeps policies, and a quorum still asks for its approvals", async () => {
    const cast = await activeHsm();
    cast.store.transaction(() =>
      putPolicies(cast.store, { ...DEFAULT_POLICIES, lockoutThreshold: 2, userQuorum: 3 }),
    );
    const { hsm } = await twin(cast);
    expect(hsm.getPolicies()).toMatchObject({ lockoutThreshold: 2, quorum: { user: 3 } });
    const { token } = await hsm.login("admin", passwordOf("admin"));
    expect(await faultOf(() => hsm.deleteUser(token, "bob"))).toMatchObject({
      code: "quorum_required",
      approvals: 3,
    });
  });

  it("keeps a key's own quorum", async () => {
    const cast = await activeHsm();
    const { handle } = await cast.hsm.generateKey(cast.alice, {
      type: "aes",
      sizeBits: 256,
      attributes: { encrypt: true },
    });
    changeKey(cast.store, handle, { useQuorum: 2, manageQuorum: 2 });
    const { hsm } = await twin(cast);
    const { token } = await hsm.login("alice", passwordOf("alice"));
    const encrypt = () =>
      hsm.encrypt(token, handle, { mechanism: "aes-gcm", data: new Uint8Array(1) });
    expect(await codeOf(encrypt)).toBe("quorum_required");
    expect(await codeOf(() => hsm.deleteKey(token, handle))).toBe("quorum_required");
  });

  it("keeps configuration and certificates", async () => {
    const cast = await fullHsm();
    cast.hsm.initialize("certificate", "anchor");
    const { hsm } = await twin(cast);
    expect(hsm.getConfiguration()).toEqual(cast.hsm.getConfiguration());
    const { token } = await hsm.login("alice", passwordOf("alice"));
    expect(hsm.listCertificates(token)).toEqual(cast.hsm.listCertificates(cast.alice));
  });
});
