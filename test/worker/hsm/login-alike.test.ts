/**
 * What a login takes and answers does not tell whether its user exists or is locked: counted as
 * derivations, rows written and pushes to peers.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Edge } from "../../lib/mf.ts";
import {
  ADMIN_PASSWORD,
  ALICE_PASSWORD,
  addHsm,
  ok,
  rest,
  type ServingCluster,
} from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";
import { LONG_HOLD, type Seen, WATCHED, WatchedHsm } from "./watched-hsm.ts";

let bundle: WrappedBundle;
let edge: Edge;
let cluster: ServingCluster;
let hsm: WatchedHsm;
beforeAll(async () => {
  bundle = await wrappedBundle(WATCHED);
  ({ edge, cluster } = await servingEdge({ bindings: LONG_HOLD, bundle: bundle.folder }));
  hsm = await WatchedHsm.of(edge, cluster.hsmId);
  const user = { username: "locked", role: "CU", password: "locked-password-1" };
  await ok(edge, "POST", `${cluster.path}/users`, user, { session: cluster.admin });
  for (let i = 0; i < 6; i++) await attempt("locked", "wrong-password");
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

async function attempt(username: string, password: string) {
  const { status, body } = await rest(edge, "POST", `${cluster.path}/sessions`, {
    username,
    password,
  });
  return { status, body };
}

async function answerAndWork(username: string, password: string) {
  await hsm.seen();
  const answer = await attempt(username, password);
  const { written, ...others } = await hsm.seen();
  // Signatures of ten minutes ago go with whichever request comes then, whoever logs in by it.
  return {
    answer,
    seen: { ...others, written: written.filter(([table]) => table !== "requests") },
  };
}

/** Each as what it is tried at and what it is tried with. */
const CASES = [
  ["a wrong password once more", "alice", "wrong-password"],
  ["an unknown name", "nobody", "wrong-password"],
  ["another unknown name", "nobody_else", "wrong-password"],
  ["a user whom no password opens", "app_user", "wrong-password"],
  ["a wrong password of a locked user", "locked", "wrong-password"],
  ["the right password of a locked user", "locked", "locked-password-1"],
] as const;

/** One chain of derivations, one count written (its row, and its place in an index), one push to each peer that writes it too. */
function workOf(peers: number): Seen {
  const written = Array.from({ length: 1 + peers }, () => ["attempts", 2] as const);
  return { derivations: Array(6).fill(100_000), pushes: peers, written };
}

describe.each([0, 1, 2])("with %i peers", (peers) => {
  beforeAll(async () => {
    if (peers > 0) await addHsm(cluster.client, cluster.clusterId, 1 + peers);
    const { hsms } = await ok(edge, "GET", `${cluster.path}/digest`);
    expect(hsms).toHaveLength(1 + peers);
    // Until the leader knows where its peers stand, it asks them first.
    await attempt("alice", ALICE_PASSWORD);
    await attempt("locked", "wrong-password");
  });

  it.each(CASES)(
    "%s answers as a wrong password does, after the same work",
    async (_, name, password) => {
      const wrong = await answerAndWork("alice", "wrong-password");
      expect(wrong.answer.status).toBe(401);
      const { written, ...rest } = wrong.seen;
      const { written: rows, ...expected } = workOf(peers);
      expect(rest).toEqual(expected);
      expect(written.filter(([table]) => table === "attempts")).toEqual(rows);
      expect(await answerAndWork(name, password)).toEqual(wrong);
      expect((await attempt("alice", ALICE_PASSWORD)).status).toBe(201);
    },
  );
});

describe("while the HSM takes no changes", () => {
  beforeAll(() => hsm.hold());

  it.each(CASES)(
    "%s answers as a wrong password does, after the same work",
    async (_, name, password) => {
      const wrong = await answerAndWork("alice", "wrong-password");
      expect(wrong.seen.derivations).toEqual(workOf(0).derivations);
      expect(await answerAndWork(name, password)).toEqual(wrong);
      expect((await attempt("alice", ALICE_PASSWORD)).status).toBe(201);
    },
  );
});

describe("the right password of a locked user", () => {
  it("opens nothing here; an admin, who alone sees the lock, sets a new one", async () => {
    await hsm.serve();
    const admin = (await attempt("admin", ADMIN_PASSWORD)).body.token;
    const listed = async (session: string) => {
      const { users } = await ok(edge, "GET", `${cluster.path}/users`, undefined, { session });
      return users.find(({ username }: { username: string }) => username === "locked");
    };
    expect(await listed(admin)).toMatchObject({ locked: true });
    const { body } = await attempt("alice", ALICE_PASSWORD);
    expect(await listed(body.token)).toMatchObject({ locked: false, failures: 0 });
    const password = "locked-password-2";
    const path = `${cluster.path}/users/locked/password`;
    await ok(edge, "PUT", path, { password }, { session: admin });
    expect((await attempt("locked", password)).status).toBe(201);
  });
});
