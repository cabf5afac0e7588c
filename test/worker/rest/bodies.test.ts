/**
 * Bodies that are not what they should be: a client's mistake is answered as one, with its place, and no
 * byte is taken for another.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rulesOf } from "../../../src/worker/rest/route-rules.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { sendPlain } from "../access/plain-client.ts";

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.stop());

const JSON_TYPE = "application/json";
const LOGIN = "/v1/clusters/cluster-aaaaaaaaaaa/sessions";
const ASCII = new TextEncoder();

function login(body: string | Uint8Array, type: string | null = JSON_TYPE) {
  const headers = type === null ? {} : { "content-type": type };
  return sendPlain(edge, { path: LOGIN, service: "holdfast", headers, body });
}

/** A login whose password has these bytes in it. */
function withPassword(...bytes: number[]): Uint8Array {
  const [before, after] = ['{"username":"alice","password":"p', 'ssword-1"}'];
  return Uint8Array.of(...ASCII.encode(before), ...bytes, ...ASCII.encode(after));
}

describe("a body of the REST surface", () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ["cut off", '{"username":"alice"', /line 1, column 20: not JSON/],
    ["with a comma too many", '{\n  "username": "alice",\n}', /line 3, column 1: not JSON/],
    ["with a comment", '{ "username": "alice" /* me */ }', /line 1, column \d+: not JSON/],
    ["that is no JSON", "username=alice", /line 1, column 1: not JSON/],
    ["of spaces", "   ", /it is empty/],
    [
      "behind a byte-order mark",
      `\ufeff{"username":"alice","password":"x"}`,
      /byte 0: a byte-order/,
    ],
    ["nested without end", "[".repeat(60_000), /byte 16: nested deeper than 16/],
    ["nested without end, with an escape", `{"\\u0061":${"[".repeat(60_000)}`, /nested deeper/],
    ["in Latin-1", withPassword(0xe4), /byte 33: not UTF-8/],
    ["with a UTF-8 sequence cut off", withPassword(0xc3), /byte 33: not UTF-8/],
    ["with an overlong NUL", withPassword(0xc0, 0x80), /byte 33: not UTF-8/],
    ["with a surrogate in UTF-8", withPassword(0xed, 0xa0, 0x80), /byte 33: not UTF-8/],
    [
      "with a replacement character before the fault",
      withPassword(0xef, 0xbf, 0xbd, 0xf6),
      /byte 36: not UTF-8/,
    ],
    [
      "with half a surrogate pair, escaped",
      '{"username":"alice","password":"p\\ud800ssword"}',
      /password: a lone surrogate/,
    ],
    ["with a name that is half a pair", '{"\\udc00":1}', /a name with a lone surrogate/],
    [
      "with a name twice",
      '{"username":"alice",\n "username":"bob"}',
      /line 2, column 2: a name .* before/,
    ],
    [
      "with a name twice, once escaped",
      '{"a":1,"\\u0061":1}',
      /line 1, column 8: a name .* before/,
    ],
    ["with a name twice, deep in it", '{"a":[{"b":1},{"b":1,"b":1}]}', /line 1, column 22: /],
    ["with a name twice that objects have", '{"toString":1,"toString":2}', /line 1, column 15: /],
    ["with __proto__ in it", '{"a":[{"__proto__":{}}]}', /a\.0: .*__proto__/],
    ["with __proto__ in escapes", '{"\\u005f_proto__":{}}', /__proto__/],
  ])("%s is refused with its place", async (_, body, message) => {
    const { status, body: answer } = await login(body);
    expect([status, answer.error.code]).toEqual([400, "body_malformed"]);
    expect(answer.error.message).toMatch(message);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ["that is a list", "[]", /^body: /],
    ["that is a text", '"alice"', /^body: /],
    ["that is null", "null", /^body: /],
    ["without a member", '{"username":"alice"}', /^password: /],
    ["with a number for a text", '{"username":7,"password":"x"}', /^username: /],
  ])("%s is refused with the member", async (_, body, message) => {
    const { status, body: answer } = await login(body);
    expect([status, answer.error.code]).toEqual([400, "request_invalid"]);
    expect(answer.error.message).toMatch(message);
  });

  it("with one name in two objects, and colons in its texts, is read", async () => {
    const { body } = await login('{"username":"a:b","password":"::\\":","c":[{"a":1},{"a":1}]}');
    expect(body.error.code).not.toBe("body_malformed");
  });

  it("that is missing is asked for", async () => {
    for (const type of [JSON_TYPE, null]) {
      const { status, body } = await login("", type);
      expect(status).toBe(400);
      expect(body.error.message).toMatch(/^(body|username): /);
    }
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonp", null])(
    "as %s is refused",
    async (type) => {
      const { status, body } = await login('{"username":"alice","password":"x"}', type);
      expect([status, body.error.code]).toEqual([400, "content_type_invalid"]);
    },
  );

  it.each(["application/json", "Application/JSON", "application/json; charset=UTF-8"])(
    "as %s is read",
    async (type) => {
      const { body } = await login('{"username":"alice","password":"\\ud83d\\ude00"}', type);
      expect(body.error.code).toBe("cluster_not_found");
    },
  );

  it("shows nothing of itself in what is said about it", async () => {
    const { body } = await login('{"username":"alice","password":"hunter-22}');
    expect(JSON.stringify(body)).not.toContain("hunter");
  });
});

describe("a number of a path or a query", () => {
  const KEYS = "/v1/clusters/cluster-aaaaaaaaaaa/keys";
  const get = (path: string, query = "") =>
    sendPlain(edge, { method: "GET", path, query, service: "holdfast", headers: {} });

  it.each(["1e0", "0x1", "01", "1.0", "-1", "0", "9007199254740993", "%201", "%D9%A1"])(
    "is no %s where a key is named",
    async (handle) => {
      const { status, body } = await get(`${KEYS}/${handle}`);
      expect([status, body.error.code]).toEqual([400, "request_invalid"]);
      expect(body.error.message).toMatch(/^handle: /);
    },
  );

  it.each(["1e2", "0x10", "", "1001", "+1"])("is no '%s' where a page is asked for", async (n) => {
    const { status, body } = await get(KEYS, `limit=${encodeURIComponent(n)}`);
    expect([status, body.error.code]).toEqual([400, "request_invalid"]);
    expect(body.error.message).toMatch(/^limit: /);
  });

  it("is written in decimal digits", async () => {
    for (const answer of [await get(`${KEYS}/9007199254740991`), await get(KEYS, "limit=1000")]) {
      expect(answer.body.error.code).toBe("cluster_not_found");
    }
  });
});

it("every answer has an id of its own", async () => {
  const answers = [await login("{}"), await login("not JSON")];
  const ids = answers.map(({ headers }) => headers["x-request-id"]);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(new Set(ids).size).toBe(2);
});

/** Every route of the OpenAPI document that is signed, with examples in its path. */
async function signedRoutes() {
  const answer = await fetch(new URL("/v1/openapi.json", edge.url));
  const { paths } = (await answer.json()) as {
    paths: Record<string, Record<string, { requestBody?: unknown; security?: unknown[] }>>;
  };
  return Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => security === undefined)
      .map(([name, { requestBody }]) => ({
        method: name.toUpperCase(),
        template,
        path: template.replace(/\{(\w+)\}/g, (_, part: string) => EXAMPLES[part] ?? part),
        takesBody: requestBody !== undefined,
      })),
  );
}

const EXAMPLES: Readonly<Record<string, string>> = {
  clusterId: "cluster-aaaaaaaaaaa",
  backupId: "backup-aaaaaaaaaaa",
  keyId: "00112233445566778899aabbccddeeff",
  handle: "1",
  username: "alice",
  certificateId: "1",
};

describe("every route that takes no body", () => {
  const bare = async () => (await signedRoutes()).filter(({ takesBody }) => !takesBody);
  const send = (method: string, path: string, body: string) => {
    const headers = body === "" ? {} : { "content-type": JSON_TYPE };
    return sendPlain(edge, { method, path, service: "holdfast", headers, body });
  };

  it("is one of which the table says so", async () => {
    for (const { method, template, takesBody } of await signedRoutes()) {
      expect([template, rulesOf(method, template).takesBody]).toEqual([template, takesBody]);
    }
  });

  it.each(["[]", "1", "null", '"text"', "false", '{"a":1}', "[{}]", "{"])(
    "refuses %s",
    async (body) => {
      const routes = await bare();
      expect(routes.length).toBeGreaterThan(15);
      for (const { method, path } of routes) {
        const { status, body: said } = await send(method, path, body);
        expect([method, path, status]).toEqual([method, path, 400]);
        const [code, sentence] =
          body === "{" ? ["body_malformed", /not JSON/] : ["request_invalid", /^body: .*none/];
        expect([method, path, said.error.code]).toEqual([method, path, code]);
        expect(said.error.message).toMatch(sentence);
      }
    },
  );

  it.each(["", "{}", " { }\n"])("is looked at with '%s'", async (body) => {
    for (const { method, path } of await bare()) {
      const { status, body: said } = await send(method, path, body);
      const isList = path === "/v1/recovery-keys";
      expect([method, path, status]).toEqual([method, path, isList ? 200 : 404]);
      if (isList) continue;
      expect(said.error.code).toMatch(/^(cluster|backup|recovery_key)_not_found$/);
    }
  });
});

describe("every route that takes a body", () => {
  it("answers a client's mistake as one", async () => {
    let tried = 0;
    for (const { method, path, takesBody } of await signedRoutes()) {
      if (!takesBody) continue;
      for (const [body, type] of MISTAKES) {
        const headers = { "content-type": type };
        const { status, body: said } = await sendPlain(edge, {
          ...{ method, path, service: "holdfast", headers, body },
        });
        expect([method, path, body, type, status]).toEqual([method, path, body, type, 400]);
        expect(said.error.code).toMatch(/^(request_invalid|body_malformed|content_type_invalid)$/);
        tried += 1;
      }
    }
    expect(tried).toBeGreaterThan(15 * MISTAKES.length);
  });

  const MISTAKES = [
    ["{", JSON_TYPE],
    ["", JSON_TYPE],
    ["[]", JSON_TYPE],
    ["null", JSON_TYPE],
    ['"text"', JSON_TYPE],
    ["{}", "text/plain"],
  ] as const;

  it.each(["/keys?limit=x", "/keys?after=-1", "/keys/0", "/keys/x", "/keys?lable=mine"])(
    "and of parameters: %s",
    async (end) => {
      const path = `/v1/clusters/cluster-aaaaaaaaaaa${end}`;
      const [pathname = "", query = ""] = path.split("?");
      const headers = {};
      const answer = await sendPlain(edge, {
        ...{ method: "GET", path: pathname, query, service: "holdfast", headers },
      });
      expect([answer.status, answer.body.error.code]).toEqual([400, "request_invalid"]);
    },
  );
});

describe("an error", () => {
  it("is a problem in the sense of RFC 9457, and an error as ever", async () => {
    const { status, headers, body } = await login("{");
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(body).toEqual({
      type: "urn:holdfast:error:body_malformed",
      title: "Body malformed",
      status,
      detail: body.error.message,
      error: {
        code: "body_malformed",
        message: "The body is malformed: line 1, column 2: not JSON.",
      },
    });
  });
});

describe("a body of the AWS wire", () => {
  it.each(['{"Filters":{"__proto__":["x"]}}', '{"Filters":{"\\u005f_proto__":["x"]}}', "\ufeff{}"])(
    "does not have all that there is listed: %s",
    async (body) => {
      const headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "BaldrApiService.DescribeBackups",
      };
      const { status, body: answer } = await sendPlain(edge, { headers, body });
      expect([status, answer.__type]).toEqual([400, "SerializationException"]);
    },
  );
});
