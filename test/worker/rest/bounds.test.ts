/**
 * Bodies that cost more than they are worth: lists of wrong items, names without end, and what nobody may
 * send who has no session for it.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boundedList } from "../../../src/worker/rest/bounds.ts";
import { newKeySchema } from "../../../src/worker/rest/key-schemas.ts";
import type { Edge } from "../../lib/mf.ts";
import type { ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";
import { sendPlain, sha256 } from "../access/plain-client.ts";

const MEGABYTE = 1024 * 1024;

let edge: Edge;
let cluster: ServingCluster;
let alice: string;
let admin: string;
beforeAll(async () => {
  ({ edge, cluster } = await servingEdge());
  ({ alice, admin } = cluster);
});
afterAll(() => edge.stop());

function send(path: string, body: string, session: string | null, hash = sha256(body)) {
  return sendPlain(edge, {
    path: `${cluster.path}${path}`,
    service: "holdfast",
    headers: {
      "content-type": "application/json",
      "x-amz-content-sha256": hash,
      ...(session === null ? {} : { "holdfast-session": session }),
    },
    body,
  });
}

/** A list of empty items as long as a body may be. */
const emptyItems = (name: string) =>
  `{"${name}":[${Array.from({ length: (8 * MEGABYTE) / 3 - 10 }, () => "{}").join(",")}]}`;

describe("a list", () => {
  it("that is too long is not looked into", () => {
    let looks = 0;
    const item = newKeySchema.refine(() => ++looks > 0);
    const list = boundedList(item, 500, "NewKey");
    const parsed = list.safeParse(Array.from({ length: 501 }, () => ({})));
    expect(parsed.error?.issues).toHaveLength(1);
    expect(looks).toBe(0);
  });

  it("is looked at up to its first wrong item, and that one is told", () => {
    const seen: unknown[] = [];
    const item = newKeySchema.catch((context) => {
      seen.push(context.value);
      return context.value as never;
    });
    expect(boundedList(item, 500, "NewKey").safeParse([{}, {}]).success).toBe(true);
    expect(seen).toHaveLength(2); // What is counted is counted.
    const strict = boundedList(newKeySchema, 500, "NewKey");
    const items = Array.from({ length: 499 }, () => ({ label: 7, id: 7, encrypt: 7 }));
    const { error } = strict.safeParse(items);
    expect(error?.issues).toEqual([expect.objectContaining({ path: [0, "label"] })]);
  });
});

describe("eight megabytes of empty items", () => {
  it.each([
    ["keys", () => alice],
    ["users", () => admin],
  ])("as %s are refused before anything is made of them", async (list, session) => {
    for (const name of ["", "\\u0061"]) {
      const text = emptyItems(list).replace("{}", `{"${name}":1}`);
      const { status, body } = await send(`/${list}:import`, text, session());
      expect([status, body.error.code]).toEqual([400, "body_malformed"]);
      expect(body.error.message).toMatch(/more than 100000 values/);
    }
  });

  it("in a list that is longer than it may be, are refused for their number", async () => {
    const text = JSON.stringify({ keys: Array.from({ length: 501 }, () => ({})) });
    const { status, body } = await send("/keys:import", text, alice);
    expect([status, body.error.code]).toEqual([400, "request_invalid"]);
    expect(body.error.message).toMatch(/^keys: Too big/);
  });

  it("are not told of one by one, nor are their names", async () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `"unknown-${i}":1`).join(",");
    const { status, body } = await send("/keys:import", `{"keys":[{${names}}]}`, alice);
    expect(status).toBe(400);
    expect(body.error.message.length).toBeLessThanOrEqual(200);
  });
});

describe("a long body", () => {
  const long = JSON.stringify({ keys: [], filler: "x".repeat(MEGABYTE / 2) });
  /** Of another body: had this one been read first, its hash would be what is wrong. */
  const other = sha256("another body");

  it.each<[string, string, () => string | null, number, string]>([
    ["of keys without a session", "/keys:import", () => null, 401, "session_invalid"],
    ["of keys in a session that is none", "/keys:import", () => "none", 401, "session_invalid"],
    ["of keys by a CO", "/keys:import", () => admin, 403, "not_permitted"],
    ["of users by a CU", "/users:import", () => alice, 403, "not_permitted"],
    ["of certificates by a CO", "/certificates", () => admin, 403, "not_permitted"],
    ["of one key without a session", "/keys", () => null, 401, "session_invalid"],
    ["to be signed without a session", "/keys/1/sign", () => null, 401, "session_invalid"],
    ["to log in with", "/sessions", () => null, 413, "body_too_large"],
  ])("%s is refused before it is looked at", async (_, path, session, status, code) => {
    const answer = await send(path, long, session(), other);
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
  });

  it("of somebody who may is looked at", async () => {
    const answer = await send("/keys:import", long, alice, other);
    expect([answer.status, answer.body.error.code]).toEqual([401, "signature_mismatch"]);
  });
});
