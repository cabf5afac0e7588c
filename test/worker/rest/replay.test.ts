/**
 * A recorded request sent again, and a request repeated by its own client: what each may do.
 */
import { createHash, randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteHsmCommand } from "@aws-sdk/client-cloudhsm-v2";
import { AwsV4Signer } from "aws4fetch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CrashRig } from "../../../scripts/crash/rig.ts";
import { accessKey, hsmsActive, ONE_REQUEST, REGION, regionObject } from "../../lib/aws.ts";
import { type Edge, startEdge, testSecrets } from "../../lib/mf.ts";
import {
  ADMIN_PASSWORD,
  ALICE_PASSWORD,
  addHsm,
  login,
  ok,
  type RestAnswer,
  type ServingCluster,
} from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

interface Recorded {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

interface Wanted {
  readonly method?: string;
  readonly session?: string;
  readonly key?: string;
  readonly role?: "owner" | "operator";
}

/** A request as somebody between could have kept it. */
async function recorded(
  url: URL,
  path: string,
  body: object,
  { method = "POST", session, key, role }: Wanted = {},
): Promise<Recorded> {
  const signed = await new AwsV4Signer({
    method,
    url: new URL(path, url).href,
    headers: {
      "content-type": "application/json",
      // Two recordings of one second are two requests.
      "x-recording": randomUUID(),
      ...(session === undefined ? {} : { "holdfast-session": session }),
      ...(key === undefined ? {} : { "idempotency-key": key }),
    },
    body: JSON.stringify(body),
    ...(await accessKey(role)),
    service: "holdfast",
    region: REGION,
    allHeaders: true,
  }).sign();
  const { url: signedUrl, headers } = signed;
  return { url: signedUrl, method, headers, body: JSON.stringify(body) };
}

async function send({ url, method, headers, body }: Recorded): Promise<RestAnswer> {
  const response = await fetch(url, {
    method,
    headers: { ...Object.fromEntries(headers), ...ONE_REQUEST },
    body,
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? null : JSON.parse(text),
  };
}

/** A region whose rows a test adds to and looks at. */
const ENTRY = `
import worker, { Hsm, Reader, Region as Built, Registry } from "./built.js";
export class Region extends Built {
  async hold(accessKeyId, count, expiresAtMs) {
    this.ctx.storage.sql.exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) " +
        "INSERT INTO requests SELECT randomblob(32), ?, ? FROM n", count, accessKeyId, expiresAtMs);
  }
  async answer(accessKeyId, count) {
    this.ctx.storage.sql.exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) " +
        "INSERT INTO answers SELECT ?, 'key ' || i, '', 'done', 200, '', 9e15 FROM n", count, accessKeyId);
  }
  async beginAnew() {
    this.ctx.abort("evicted");
  }
  async text() {
    const tables = ["requests", "answers"];
    const rows = tables.flatMap((t) => this.ctx.storage.sql.exec("SELECT * FROM " + t).toArray());
    return JSON.stringify(rows);
  }
}
export { Hsm, Reader, Registry };
export default worker;
`;

interface OpenRegion {
  hold(accessKeyId: string, count: number, expiresAtMs: number): Promise<void>;
  answer(accessKeyId: string, count: number): Promise<void>;
  beginAnew(): Promise<void>;
  text(): Promise<string>;
}

let bundle: WrappedBundle;
let edge: Edge;
let cluster: ServingCluster;
beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
  ({ edge, cluster } = await servingEdge({ bundle: bundle.folder }));
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

async function newKey(): Promise<number> {
  const order = { type: "aes", sizeBits: 256, label: "shared" };
  const { path, alice } = cluster;
  return (await ok(edge, "POST", `${path}/keys:generate`, order, { session: alice })).handle;
}

describe("a recorded request", () => {
  it("does not bring back what was taken back", async () => {
    const { path, admin, alice } = cluster;
    const bob = { username: "bob", role: "CU", password: "bobs-password-1" };
    await ok(edge, "POST", `${path}/users`, bob, { session: admin });
    const handle = await newKey();
    const share = await recorded(
      edge.url,
      `${path}/keys/${handle}/share`,
      { username: "bob" },
      { session: alice },
    );
    expect((await send(share)).status).toBe(204);
    await ok(
      edge,
      "POST",
      `${path}/keys/${handle}/unshare`,
      { username: "bob" },
      { session: alice },
    );
    const replayed = await send(share);
    expect([replayed.status, replayed.body.error.code]).toEqual([409, "request_replayed"]);
    const key = await ok(edge, "GET", `${path}/keys/${handle}`, undefined, { session: alice });
    expect(key.sharedWith).toEqual([]);
  });

  it("is known by its whole path: a user may be called as an operation is", async () => {
    const { path, admin } = cluster;
    const user = { username: "sign", role: "CU", password: "signs-password-1" };
    await ok(edge, "POST", `${path}/users`, user, { session: admin });
    const wanted = { method: "DELETE", session: admin };
    const request = await recorded(edge.url, `${path}/users/sign`, {}, wanted);
    expect((await send(request)).status).toBe(204);
    await ok(edge, "POST", `${path}/users`, user, { session: admin });
    expect((await send(request)).body.error.code).toBe("request_replayed");
  });

  it("of a login opens no second session", async () => {
    const credentials = { username: "alice", password: ALICE_PASSWORD };
    const request = await recorded(edge.url, `${cluster.path}/sessions`, credentials);
    expect((await send(request)).status).toBe(201);
    for (let again = 0; again < 3; again++) expect((await send(request)).status).toBe(409);
  });

  it("is known to a region that was evicted", async () => {
    const request = await recorded(edge.url, "/v1/clusters/cluster-aaaaaaaaaaa/sessions", {
      username: "evicted",
      password: "x",
    });
    expect((await send(request)).status).toBe(404);
    await (await regionObject<OpenRegion>(edge)).beginAnew().catch(() => undefined);
    expect((await send(request)).body.error.code).toBe("request_replayed");
  });

  it("is known whoever leads the cluster by then", async () => {
    const { client, clusterId, path, hsmId } = cluster;
    const request = await recorded(edge.url, `${path}/sessions`, {
      username: "alice",
      password: ALICE_PASSWORD,
    });
    expect((await send(request)).status).toBe(201);
    await addHsm(client, clusterId, 2);
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await hsmsActive(client, clusterId, 1);
    expect((await send(request)).body.error.code).toBe("request_replayed");
    // The new one asks for a login of its own.
    cluster = { ...cluster, alice: await login(edge, path, "alice", ALICE_PASSWORD) };
  });

  it("that was refused is refused again as a replay, and that says what to do", async () => {
    const request = await recorded(edge.url, "/v1/clusters/cluster-aaaaaaaaaaa/sessions", {
      username: "alice",
      password: "x",
    });
    expect((await send(request)).status).toBe(404);
    expect((await send(request)).body.error.message).toMatch(/another idempotency-key/);
  });

  it("that only uses a key answers as often as it is sent", async () => {
    const { path, alice } = cluster;
    const digest = { algorithm: "sha256", message: "AAAA" };
    const request = await recorded(edge.url, `${path}/message-digests`, digest, { session: alice });
    const answers = [await send(request), await send(request)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe("equal requests within a second", () => {
  it("act each, where their keys are different", async () => {
    const { path, alice } = cluster;
    const order = { type: "aes", sizeBits: 128, label: "twice" };
    const requests = await Promise.all(
      ["one", "two"].map((key) =>
        recorded(edge.url, `${path}/keys:generate`, order, { session: alice, key }),
      ),
    );
    const answers = await Promise.all(requests.map(send));
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(new Set(answers.map(({ body }) => body.handle)).size).toBe(2);
  });
});

describe("a request repeated under its key", () => {
  const order = { type: "aes", sizeBits: 256, label: "once" };
  const generate = (key: string, body: object = order) =>
    recorded(edge.url, `${cluster.path}/keys:generate`, body, { session: cluster.alice, key });

  /** Signed anew: the date is another, and so is the signature. */
  async function later(make: () => Promise<Recorded>): Promise<RestAnswer> {
    await new Promise((next) => setTimeout(next, 1_050));
    return send(await make());
  }

  it("gets the first answer, and acts once", async () => {
    const first = await send(await generate("repeat-1"));
    expect(first.status).toBe(201);
    const second = await later(() => generate("repeat-1"));
    expect([second.status, second.body]).toEqual([201, first.body]);
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    const { path, alice } = cluster;
    const page = await ok(edge, "GET", `${path}/keys?label=once`, undefined, { session: alice });
    expect(page.keys).toHaveLength(1);
  });

  it("is another request's if it says something else", async () => {
    await send(await generate("repeat-2"));
    const answer = await send(await generate("repeat-2", { ...order, sizeBits: 128 }));
    expect([answer.status, answer.body.error.code]).toEqual([409, "idempotency_key_reused"]);
  });

  it("may act when the first was refused", async () => {
    const wrong = await send(await generate("repeat-3", { ...order, sizeBits: 17 }));
    expect(wrong.status).toBe(400);
    expect((await send(await generate("repeat-3"))).status).toBe(201);
  });

  it("is not told a secret a second time, nor does the region hold it", async () => {
    const credentials = { username: "alice", password: ALICE_PASSWORD };
    const logIn = () =>
      recorded(edge.url, `${cluster.path}/sessions`, credentials, { key: "log-in" });
    const first = await send(await logIn());
    const second = await later(logIn);
    expect([second.status, second.body.error.code]).toEqual([409, "idempotency_key_spent"]);
    const rows = await (await regionObject<OpenRegion>(edge)).text();
    expect(rows).toContain("log-in");
    expect(rows).not.toContain(first.body.token);
    expect(rows).not.toContain(ALICE_PASSWORD);
    // Nor what a password could be guessed from, a million times in a second.
    const text = ["POST", `${edge.url.origin}${cluster.path}/sessions`, "", ""].join("\n");
    const guessed = createHash("sha256").update(text + JSON.stringify(credentials));
    expect(rows).not.toContain(guessed.digest("hex"));
  });

  it("gets nothing any more when its session has ended, and acts as little", async () => {
    const { path } = cluster;
    const session = await login(edge, path, "alice", ALICE_PASSWORD);
    const make = () =>
      recorded(
        edge.url,
        `${path}/keys:generate`,
        { ...order, label: "ended" },
        {
          ...{ session, key: "ended-1" },
        },
      );
    const first = await send(await make());
    expect(first.status).toBe(201);
    expect((await later(make)).body).toEqual(first.body);
    await ok(edge, "DELETE", `${path}/sessions/current`, undefined, { session });
    for (let again = 0; again < 2; again++) {
      const answer = await later(make);
      expect([answer.status, answer.body.error.code]).toEqual([401, "session_invalid"]);
      expect(answer.headers.get("idempotent-replayed")).toBeNull();
      expect(JSON.stringify(answer.body)).not.toContain(String(first.body.label));
    }
    const { alice } = cluster;
    const page = await ok(edge, "GET", `${path}/keys?label=ended`, undefined, { session: alice });
    expect(page.keys).toHaveLength(1);
  });

  it("is not told that it was carried out when its session has ended", async () => {
    const { path } = cluster;
    const session = await login(edge, path, "alice", ALICE_PASSWORD);
    const handle = await newKey();
    const wanted = { session, key: "ended-2" };
    const take = (format: string) =>
      recorded(edge.url, `${path}/keys/${handle}/export`, { format }, wanted);
    expect((await send(await take("raw"))).status).toBe(200);
    expect((await later(() => take("raw"))).body.error.code).toBe("idempotency_key_spent");
    expect((await send(await take("jwk"))).body.error.code).toBe("idempotency_key_reused");
    await ok(edge, "DELETE", `${path}/sessions/current`, undefined, { session });
    for (const format of ["raw", "jwk"]) {
      const answer = await later(() => take(format));
      expect([answer.status, answer.body.error.code]).toEqual([401, "session_invalid"]);
    }
  });

  it("gets nothing when its user is gone, or has another password", async () => {
    const { path } = cluster;
    const admin = await login(edge, path, "admin", ADMIN_PASSWORD);
    const carol = { username: "carol", role: "CO", password: "carols-password-1" };
    await ok(edge, "POST", `${path}/users`, carol, { session: admin });
    const ends: (() => Promise<unknown>)[] = [
      () => ok(edge, "PUT", `${path}/users/carol/password`, carol, { session: admin }),
      () => ok(edge, "DELETE", `${path}/users/carol`, undefined, { session: admin }),
    ];
    for (const [i, end] of ends.entries()) {
      const session = await login(edge, path, "carol", carol.password);
      const user = { username: `dave${i}`, role: "CU", password: "daves-password-1" };
      const make = () => recorded(edge.url, `${path}/users`, user, { session, key: `gone-${i}` });
      expect((await send(await make())).status).toBe(201);
      await end();
      expect((await later(make)).body.error.code).toBe("session_invalid");
    }
  });

  it("that logs out is told that the session is none, as anybody who logs out twice", async () => {
    const { path } = cluster;
    const session = await login(edge, path, "alice", ALICE_PASSWORD);
    const wanted = { method: "DELETE", session, key: "log-out" };
    const logOut = () => recorded(edge.url, `${path}/sessions/current`, {}, wanted);
    expect((await send(await logOut())).status).toBe(204);
    for (let again = 0; again < 2; again++) {
      const answer = await later(logOut);
      expect([answer.status, answer.body.error.code]).toEqual([401, "session_invalid"]);
    }
  });

  it("and asked in no session gets the first answer in none", async () => {
    const { path } = cluster;
    const session = await login(edge, path, "alice", ALICE_PASSWORD);
    const backUp = () =>
      recorded(edge.url, `${path}/backups`, {}, { session, key: "in-no-session" });
    const first = await send(await backUp());
    expect(first.status).toBe(202);
    await ok(edge, "DELETE", `${path}/sessions/current`, undefined, { session });
    const second = await later(backUp);
    expect([second.status, second.body]).toEqual([202, first.body]);
  });

  it("is known when many others came after it, if not its answer", async () => {
    const first = await send(await generate("long-ago"));
    expect(first.status).toBe(201);
    const { accessKeyId } = await accessKey();
    const region = await regionObject<OpenRegion>(edge);
    await region.answer(accessKeyId, 1_005);
    await region.beginAnew().catch(() => undefined);
    await send(await generate("the-newest"));
    const again = await later(() => generate("long-ago"));
    expect([again.status, again.body.error.code]).toEqual([409, "idempotency_key_spent"]);
  });

  it.each(["", "with space", "x".repeat(65), "ü"])(
    "has a key of sixty-four characters: %j",
    async (key) => {
      const answer = await send(await generate(key)).catch(() => null);
      if (answer !== null) expect(answer.status).toBeGreaterThanOrEqual(400);
    },
  );
});

describe("an access key that asks without end", () => {
  it("is told when to go on, and holds up nobody else", async () => {
    const owner = await accessKey();
    const operator = await accessKey("operator");
    const region = await regionObject<OpenRegion>(edge);
    const endsAtMs = Date.now() + 100_000;
    await region.hold(operator.accessKeyId, 20_000, endsAtMs);
    await region.beginAnew().catch(() => undefined);
    const request = (role: "owner" | "operator") =>
      recorded(edge.url, `${cluster.path}/backups`, {}, { role, key: crypto.randomUUID() });
    const refused = await send(await request("operator"));
    expect([refused.status, refused.body.error.code]).toEqual([429, "request_quota"]);
    const waitS = Number(refused.headers.get("retry-after"));
    expect(waitS).toBeGreaterThan(0);
    expect(waitS).toBeLessThanOrEqual(100);
    expect(owner.accessKeyId).not.toBe(operator.accessKeyId);
    expect((await send(await request("owner"))).status).toBeLessThan(429);
    await login(edge, cluster.path, "alice", ALICE_PASSWORD);
  });
});

describe("after kill -9", () => {
  it("a signature that was used is known", async () => {
    const { bindings } = await testSecrets();
    const rig = await CrashRig.create(bindings);
    try {
      await rig.start();
      const first = await recorded(
        new URL(rig.access.endpoint),
        "/v1/clusters/cluster-aaaaaaaaaaa/sessions",
        { username: "alice", password: "x" },
      );
      expect((await send(first)).status).toBe(404);
      await rig.kill();
      // As the client saw it then: the edge may have another port now.
      const copy = mkdtempSync(join(tmpdir(), "holdfast-replay-"));
      cpSync(rig.state, copy, { recursive: true });
      const again = await startEdge({ persist: copy, port: Number(first.url.port) });
      try {
        const replayed = await send(first);
        expect([replayed.status, replayed.body.error.code]).toEqual([409, "request_replayed"]);
      } finally {
        await again.stop();
        rmSync(copy, { recursive: true });
      }
    } finally {
      await rig.remove();
    }
  });
});
