import { describe, expect, it } from "vitest";
import { requireUser, updateUser } from "../../../src/hsm/access/user-directory.ts";
import { activeHsm, faultOf, type TestHsm } from "../../lib/hsm.ts";

/** Gives two users a key for approvals; no operation of this version does. */
function registerQuorumKeys(test: TestHsm): void {
  const { store } = test;
  store.transaction(() => {
    for (const username of ["alice", "bob"]) {
      const { id, user } = requireUser(store, username);
      updateUser(test, id, { ...user, quorumPublicKey: new Uint8Array(91).fill(4) });
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
    [{ minPasswordCharacters: 7 }, "minPasswordCharacters", "expected 8 to 32"],
    [{ minPasswordCharacters: 8.5 }, "minPasswordCharacters", "expected 8 to 32"],
    [{ minPasswordCharacters: 33 }, "minPasswordCharacters", "expected 8 to 32"],
    [{ maxPasswordCharacters: 33 }, "maxPasswordCharacters", "expected 8 to 32"],
    [
      { minPasswordCharacters: 20, maxPasswordCharacters: 19 },
      "maxPasswordCharacters",
      "expected 20 to 32",
    ],
    [{ lockoutThreshold: 0 }, "lockoutThreshold", "expected 1 to 20"],
    [{ lockoutThreshold: 21 }, "lockoutThreshold", "expected 1 to 20"],
    [{ quorum: { user: 1 } }, "quorum.user", "expected 2 to 8"],
    [{ quorum: { user: 9 } }, "quorum.user", "expected 2 to 8"],
  ])("refuses %j, and names what is wrong and its range", async (change, field, why) => {
    const { hsm, admin } = await activeHsm();
    const fault = await faultOf(() => hsm.setPolicies(admin, change));
    expect(fault).toEqual({ code: "policy_invalid", field, why });
  });

  it.each(["user", "quorum", "cluster", "key-management", "key-usage", "registration"] as const)(
    "has a quorum for %s alone, until it is taken back",
    async (service) => {
      const test = await activeHsm();
      const { hsm, admin } = test;
      registerQuorumKeys(test);
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
