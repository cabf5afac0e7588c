/**
 * One derivation, or one key that is checked, at a time in an isolate, with a turn for everybody:
 * for other objects between two of them, for other access keys, and after an object that is gone.
 * Counted, not timed.
 */
import { rootCertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import { ACCOUNT, REGION } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { ok, rest, type ServingCluster, servingCluster } from "../../lib/rest.ts";
import { rsaKey } from "../../lib/rsa-keys.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

/**
 * The worker as built, telling what happens in its isolate in one list: `derives` for each call of
 * PBKDF2, `checks` for each signature by which a key is checked, `yields` when a wait has ended, so that
 * the events of all objects have had their turn, `pings` for a request that another object answers, and
 * of each login that it is asked for and that it is answered.
 */
const ENTRY = `
import worker, * as built from "./built.js";

const events = [];
const { deriveBits } = SubtleCrypto.prototype;
SubtleCrypto.prototype.deriveBits = function (algorithm, ...rest) {
  if (algorithm.name === "PBKDF2") events.push("derives");
  return deriveBits.call(this, algorithm, ...rest);
};

const { sign } = SubtleCrypto.prototype;
SubtleCrypto.prototype.sign = function (algorithm, ...rest) {
  if (algorithm.name === "RSASSA-PKCS1-v1_5") events.push("checks");
  return sign.call(this, algorithm, ...rest);
};
const wait = scheduler.wait.bind(scheduler);
Object.defineProperty(scheduler, "wait", {
  value: async (ms) => {
    await wait(ms);
    events.push("yields");
  },
});
const count = (name) => events.filter((event) => event === name).length;

export class Hsm extends built.Hsm {
  /** Logs in all at once; each as its access key, its user name and a password. */
  async logIn(logins) {
    return await Promise.all(logins.map(async ([accessKeyId, username, password]) => {
      const caller = { accessKeyId, requestId: "", session: "" };
      events.push("asks " + accessKeyId + " " + username);
      const answer = await this.call("login", caller, { username, password });
      events.push(accessKeyId + " " + username);
      return answer.ok ? "" : answer.refusal;
    }));
  }
  ping() {
    events.push("pings");
  }
  /** Ends the object within a turn of its own: in the wait that each of them ends with. */
  async endInTurn(count) {
    while (events.filter((event) => event === "derives").length < count) await scheduler.wait(1);
    this.ctx.abort("a test ends it");
  }
  /** An import by an access key of its own: of \`count\` keys that are \`item\`, and the \`last\`. */
  importMany(session, item, count, last) {
    return this.operate("importKeys", session, [...Array(count).fill(item), ...last]);
  }
  async operate(operation, session, input) {
    const caller = { accessKeyId: "IMPORTER", requestId: "", session };
    const answer = await this.call(operation, caller, input);
    events.push(operation);
    return answer.ok ? "" : answer.refusal;
  }
  /** Takes no changes from the moment on at which so many keys have been checked. */
  async holdAfter(checks) {
    while (count("checks") < checks) await scheduler.wait(1);
    await this.hold("hsm-aaaaaaaaaaa");
  }
  /** Has objects do things, each at once with the others; pings another one until they have. */
  async race(plan) {
    const stub = (name) => this.env.HSM.get(this.env.HSM.idFromName(name));
    let isOver = false;
    const ping = async () => {
      for (; !isOver; await scheduler.wait(1)) await stub("an object that answers").ping();
    };
    const pinging = ping();
    const answers = await Promise.all(plan.map(([name, asked]) =>
      Array.isArray(asked) ? stub(name).logIn(asked) : stub(name)[asked.method](...asked.given)));
    isOver = true;
    await pinging;
    return JSON.stringify(answers);
  }
  async raceThatEnds([name, logins], count) {
    const stub = () => this.env.HSM.get(this.env.HSM.idFromName(name));
    const answered = stub().logIn(logins).then(() => "answered", () => "gone");
    await stub().endInTurn(count).catch(() => undefined);
    return await answered;
  }
  events() {
    return JSON.stringify(events.splice(0));
  }
}
export const { Reader, Region, Registry } = built;
export default worker;
`;

type Login = readonly [accessKeyId: string, username: string, password: string];
interface Asked {
  readonly method: "importMany" | "operate" | "holdAfter";
  readonly given: readonly unknown[];
}
type Plan = readonly [name: string, asked: readonly Login[] | Asked];

interface Refusal {
  readonly code: string;
  readonly kind: string;
  readonly retryAfterS?: number;
}

interface HsmCalls {
  race(plan: readonly Plan[]): Promise<string>;
  raceThatEnds(plan: Plan, derivations: number): Promise<string>;
  events(): Promise<string>;
}

let bundle: WrappedBundle;
let edge: Edge;
let one: ServingCluster;
let two: ServingCluster;
beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
  edge = await startEdge({ bundle: bundle.folder });
  one = await servingCluster(edge);
  two = await servingCluster(edge);
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});
/** An HSM that nobody made, to ask the others. */
async function driver(): Promise<HsmCalls> {
  const hsms = await edge.mf.getDurableObjectNamespace("HSM", WORKER_NAME);
  return hsms.get(hsms.idFromName("an object of nobody's")) as unknown as HsmCalls;
}

function planOf({ hsmId }: ServingCluster, asked: Plan[1]): Plan {
  return [`${ACCOUNT}/${REGION}/${hsmId}`, asked];
}

/** So many keys of 4,096 bits, in one import by alice. */
function importOf({ alice }: ServingCluster, count: number, ...last: readonly object[]): Asked {
  const der = rsaKey(4096).export({ format: "der", type: "pkcs8" }).toString("base64");
  const item = { material: { format: "pkcs8", der }, attributes: {} };
  return { method: "importMany", given: [alice, item, count, last] };
}

/** All at once: what each is refused with, "" where it is not, and what happened meanwhile. */
async function race(...plan: Plan[]) {
  await events();
  const told: (Refusal | "" | null | (Refusal | "")[])[] = JSON.parse(
    await (await driver()).race(plan),
  );
  const answers = told.map((answer) => (Array.isArray(answer) ? answer : [answer ?? ""]));
  return { answers, codes: answers.map(counted), events: await events() };
}

/** What has happened since it was asked last. */
async function events(): Promise<string[]> {
  return JSON.parse(await (await driver()).events());
}

/** How often each code is among them; a login that is let in has "in". */
function counted(answers: readonly (Refusal | "")[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const code = answer === "" ? "in" : answer.code;
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}

/** So many wrong logins, each of another name, by so many access keys in turn. */
function logins(count: number, keys: number): Login[] {
  return Array.from({ length: count }, (_, i) => [`KEY${i % keys}`, `user_${i}`, "wrong-password"]);
}

function derivations(seen: readonly string[]): number {
  return seen.filter((event) => event === "derives").length;
}

describe("derivations in one isolate", () => {
  it.each([
    ["many logins on two of them", () => [planOf(one, logins(8, 2)), planOf(two, logins(8, 2))]],
    ["a login alone", () => [planOf(one, logins(1, 1))]],
  ] as const)("let the events of other objects in between: %s", async (_, plans) => {
    const seen = await race(...plans());
    const counts = plans().map(([, asked]) => (Array.isArray(asked) ? asked.length : 0));
    expect(seen.codes).toEqual(counts.map((count) => ({ login_failed: count })));
    // A login that let nobody in would make it six.
    expect(longestRun(seen.events, "derives")).toBe(1);
    expect(seen.events).toContain("pings");
  });
});

/** How often `name` happened between two moments at which other objects' events had their turn, at most. */
function longestRun(seen: readonly string[], name: string): number {
  const runs = seen.join().split("yields");
  return Math.max(...runs.map((run) => run.split(name).length - 1));
}

/** What happened while a login was asked for and not yet answered. */
function during(seen: readonly string[], login: string): string[] {
  return seen.slice(seen.indexOf(`asks ${login}`), seen.indexOf(login));
}

describe("an import of many keys", () => {
  it("lets the events of other objects in between", async () => {
    const seen = await race(planOf(one, importOf(one, 12)));
    expect(seen.codes).toEqual([{ in: 1 }]);
    expect(seen.events.filter((event) => event === "checks")).toHaveLength(12);
    // An import that let nobody in would make it twelve.
    expect(longestRun(seen.events, "checks")).toBe(1);
    const first = seen.events.indexOf("checks");
    expect(seen.events.slice(first, seen.events.lastIndexOf("checks"))).toContain("pings");
  });

  it("of which the last is refused at sight checks none", async () => {
    const last = { material: { format: "raw", type: "aes", raw: "AAAA" }, attributes: {} };
    const seen = await race(planOf(one, importOf(one, 499, last)));
    expect(seen.codes).toEqual([{ batch_item: 1 }]);
    expect(seen.events).not.toContain("checks");
  });

  it("holds up a login by one key for each call of PBKDF2, of the same access key too", async () => {
    const logins: Login[] = [
      ["OTHER", "nobody", "wrong-password"],
      ["IMPORTER", "somebody", "wrong-password"],
    ];
    const seen = await race(planOf(one, importOf(one, 40)), planOf(two, logins));
    const names = ["OTHER nobody", "IMPORTER somebody", "importKeys"];
    expect(seen.events.filter((event) => names.includes(event)).at(-1)).toBe("importKeys");
    const meanwhile = during(seen.events, "OTHER nobody");
    expect(meanwhile.filter((event) => event === "checks").length).toBeLessThanOrEqual(7);
  });

  it("stores nothing where the HSM took no changes any more at its end", async () => {
    const path = `${two.path}/keys`;
    const plans = [importOf(two, 12), { method: "holdAfter", given: [3] }] as const;
    const seen = await race(...plans.map((asked) => planOf(two, asked)));
    expect(seen.codes[0]).toEqual({ hsm_frozen: 1 });
    const { keys } = await ok(edge, "GET", path, undefined, { session: two.alice });
    expect(keys).toEqual([]);
  });

  it("is busy beyond eight of an access key, and keeps nobody from logging in", async () => {
    const many = Array.from({ length: 10 }, () => planOf(one, importOf(one, 2)));
    const login: Login = ["IMPORTER", "nobody", "wrong-password"];
    const seen = await race(...many, planOf(one, [login]));
    const refused = seen.answers.flat().filter((answer) => answer !== "");
    expect(refused.map(({ code }) => code).sort()).toEqual([
      "keys_busy",
      "keys_busy",
      "login_failed",
    ]);
    expect(refused.find(({ code }) => code === "keys_busy")).toMatchObject({ kind: "busy" });
  });
});

describe("an import of many certificates", () => {
  it("lets the events of other objects in between", async () => {
    const given = ["importCertificates", one.alice, rootCertificates.join("\n")];
    const seen = await race(planOf(one, { method: "operate", given }));
    expect(seen.codes).toEqual([{ in: 1 }]);
    const meanwhile = seen.events.slice(0, seen.events.indexOf("importCertificates"));
    const slices = Math.floor((2 * rootCertificates.length) / 16);
    const yields = meanwhile.filter((event) => event === "yields");
    expect(yields.length).toBeGreaterThanOrEqual(slices);
    expect(meanwhile).toContain("pings");
  });
});

describe("turns", () => {
  it("are one access key's as soon as another's, however many wait there", async () => {
    const many = logins(8, 1);
    const seen = await race(
      planOf(one, many),
      planOf(two, [["OTHER", "nobody", "wrong-password"]]),
    );
    expect(seen.codes).toEqual([{ login_failed: 8 }, { login_failed: 1 }]);
    const before = seen.events.slice(0, seen.events.indexOf("OTHER nobody"));
    // Six of its own, and one of the other key's before each of them and after the last.
    expect(derivations(during(seen.events, "OTHER nobody"))).toBeLessThanOrEqual(13);
    expect(before.filter((event) => event.startsWith("KEY"))).toEqual([]);
  });

  it("are one user's as soon as another's with the same access key", async () => {
    const same = (name: string): Login => ["KEY", name, "wrong-password"];
    const names = ["nobody", "nobody", "nobody", "nobody", "somebody"];
    const seen = await race(planOf(one, names.map(same)));
    const answered = seen.events.filter((event) => event.startsWith("KEY"));
    expect(answered.indexOf("KEY somebody")).toBeLessThan(2);
  });
});

describe("beyond the bound", () => {
  it.each([
    ["a known user", "alice"],
    ["an unknown one", "nobody"],
    ["a user in any case", "BOB"],
  ])("a fifth login of %s with one access key is busy, and derives nothing", async (_, name) => {
    const names = [name.toLowerCase(), name, name, name, name];
    const seen = await race(
      planOf(
        one,
        names.map((given) => ["KEY", given, "wrong-password"]),
      ),
    );
    expect(seen.codes).toEqual([{ login_failed: 4, login_busy: 1 }]);
    expect(derivations(seen.events)).toBe(4 * 6);
    const others = await race(
      planOf(
        one,
        names.map((given, i) => [`KEY${i}`, given, "wrong-password"]),
      ),
    );
    expect(others.codes).toEqual([{ login_failed: 5 }]);
  });

  it("so is a ninth of one access key, and a thirty-third of all", async () => {
    const ofOne = await race(planOf(one, logins(9, 1)));
    expect(ofOne.codes).toEqual([{ login_failed: 8, login_busy: 1 }]);
    const all = await race(planOf(one, logins(33, 11)));
    expect(all.codes).toEqual([{ login_failed: 32, login_busy: 1 }]);
    expect(derivations(all.events)).toBe(32 * 6);
    const [busy] = all.answers.flat().filter((answer) => answer !== "" && answer.kind === "busy");
    expect(busy).toMatchObject({ code: "login_busy", retryAfterS: 4 });
  });

  it("REST answers 429 with Retry-After, and counts nothing", async () => {
    const path = `${two.path}/sessions`;
    const wrong = { username: "alice", password: "wrong-password" };
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        rest(edge, "POST", path, wrong, { headers: { "idempotency-key": `busy-${i}` } }),
      ),
    );
    const busy = answers.filter(({ status }) => status === 429);
    expect(busy.length).toBeGreaterThan(0);
    for (const { headers, body } of busy) {
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
      expect(body.error.code).toBe("login_busy");
    }
    const judged = answers.filter(({ status }) => status === 401);
    expect(judged.length + busy.length).toBe(30);
    const { users } = await ok(edge, "GET", `${two.path}/users`, undefined, { session: two.admin });
    const alice = users.find(({ username }: { username: string }) => username === "alice");
    expect(alice?.failures).toBe(judged.length);
  });
});

describe("an object that is gone", () => {
  it("leaves its turn and its places to others", async () => {
    await events();
    const many = planOf(one, logins(32, 11));
    expect(await (await driver()).raceThatEnds(many, 3)).toBe("gone");
    expect(derivations(await events())).toBeLessThan(32 * 6);
    const login = planOf(two, [["KEY0", "nobody", "wrong-password"]]);
    let [code] = (await race(login)).codes;
    // Until nothing has been heard of the others for long enough.
    while (code?.["login_busy"] === 1) [code] = (await race(login)).codes;
    expect(code).toEqual({ login_failed: 1 });
    expect((await race(planOf(one, logins(1, 1)))).codes).toEqual([{ login_failed: 1 }]);
  });
});
