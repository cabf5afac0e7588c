import { describe, expect, it } from "vitest";
import { requireUser, updateUser } from "../../../src/hsm/access/user-directory.ts";
import type { MemoryStore } from "../../../src/hsm/memory/memory-store.ts";
import { activeHsm, codeOf, faultOf } from "../../lib/hsm.ts";

/** Gives two users a key for approvals; no operation of this version does. */
function registerQuorumKeys(store: MemoryStore): void {
  store.transaction(() => {
    for (const username of ["alice", "bob"]) {
      const { id, user } = requireUser(store, username);
      updateUser(store, id, { ...user, quorumPublicKey: new Uint8Array(91).fill(4) });
    }
  });
}

describe("policies", () => {
  it("keeps what is not named", async () => {
    const { hsm, admin } = await activeHsm();
    hsm.setPolicies(admin, { lockoutThreshold: 3 });
    expect(hsm.setPolicies(admin, { minPasswordCharacters: 10 })).toMatchObject({
      lockoutThreshold: 3,
      minPasswordCharacters: 10,
      maxPasswordCharacters: 32,
    });
  });

  it.each([
    { minPasswordCharacters: 7 },
    { maxPasswordCharacters: 33 },
    { minPasswordCharacters: 20, maxPasswordCharacters: 19 },
    { minPasswordCharacters: 8.5 },
    { lockoutThreshold: 0 },
    { lockoutThreshold: 21 },
    { quorum: { user: 1 } },
    { quorum: { user: 9 } },
  ])("refuses %j", async (change) => {
    const { hsm, admin } = await activeHsm();
    expect(await codeOf(() => hsm.setPolicies(admin, change))).toBe("policy_invalid");
  });

  it.each([
    [{ minPasswordCharacters: 7 }, "minPasswordCharacters"],
    [{ maxPasswordCharacters: 33 }, "maxPasswordCharacters"],
    [{ lockoutThreshold: 21 }, "lockoutThreshold"],
    [{ quorum: { user: 1 } }, "quorum.user"],
  ])("names what is wrong in %j, and its range", async (change, field) => {
    const { hsm, admin } = await activeHsm();
    expect(await faultOf(() => hsm.setPolicies(admin, change))).toMatchObject({
      field,
      why: expect.stringMatching(/^expected \d+ to \d+$/),
    });
  });

  it.each(["user", "quorum", "cluster", "key-management", "key-usage", "registration"] as const)(
    "has a quorum for %s alone, until it is taken back",
    async (service) => {
      const { hsm, store, admin } = await activeHsm();
      registerQuorumKeys(store);
      const none = hsm.getPolicies().quorum;
      expect(Object.values(none)).toEqual([null, null, null, null, null, null]);
      const set = hsm.setPolicies(admin, { quorum: { [service]: 2 } });
      expect(set.quorum).toEqual({ ...none, [service]: 2 });
      expect(hsm.getPolicies()).toEqual(set);
    },
  );

  it("does not ask for a quorum that nobody could reach", async () => {
    const { hsm, admin } = await activeHsm();
    const ask = () => hsm.setPolicies(admin, { quorum: { user: 2 } });
    expect(await faultOf(ask)).toMatchObject({ code: "quorum_unavailable", registered: 0 });
    expect(hsm.setPolicies(admin, { quorum: { user: null } }).quorum.user).toBeNull();
  });
});
