/**
 * The OpenAPI document: version 3.1, sound references, and a route behind every operation in it.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROUTE_RULES, rulesOf } from "../../../src/worker/rest/route-rules.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { rest } from "../../lib/rest.ts";

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: unknown;
}

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Record<string, unknown>;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, unknown> };
}

let edge: Edge;
let document: Document;
beforeAll(async () => {
  edge = await startEdge();
  const answer = await fetch(new URL("/v1/openapi.json", edge.url));
  document = (await answer.json()) as Document;
});
afterAll(() => edge.stop());

function operations(): { method: string; path: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
}

/** Every value under `key`, anywhere. */
function valuesOf(value: unknown, key: string): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, held]) => [
    ...(name === key ? [held] : []),
    ...valuesOf(held, key),
  ]);
}

const EXAMPLES: Record<string, string> = {
  clusterId: "cluster-aaaaaaaaaaa",
  backupId: "backup-aaaaaaaaaaa",
  keyId: "00112233445566778899aabbccddeeff",
  handle: "1",
  username: "alice",
  certificateId: "1",
};

describe("the OpenAPI document", () => {
  it("is of version 3.1 and open to everybody", () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info.title).toBe("Holdfast");
    expect(operations().length).toBeGreaterThan(30);
  });

  it("refers only to what it holds", () => {
    const references = valuesOf(document, "$ref");
    expect(references.length).toBeGreaterThan(0);
    for (const reference of references) {
      const name = String(reference).replace("#/components/schemas/", "");
      expect(Object.keys(document.components.schemas)).toContain(name);
    }
  });

  it("names every parameter of every path, and has a summary and a success for each", () => {
    for (const { path, operation } of operations()) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const described = (operation.parameters ?? []).filter((p) => p.in === "path");
      expect(described.map((parameter) => parameter.name).sort()).toEqual(named.sort());
      expect(operation.summary).toBeTruthy();
      expect(Object.keys(operation.responses).some((status) => status.startsWith("2"))).toBe(true);
    }
  });

  it("has integers where a path or a query has them", () => {
    const named = operations().flatMap(({ operation }) => operation.parameters ?? []);
    const numbers = named.filter(({ name }) => /^(handle|certificateId|after|limit)$/.test(name));
    expect(numbers.length).toBeGreaterThan(10);
    for (const { schema } of numbers) expect(schema).toMatchObject({ type: "integer" });
  });

  it("has no route of which it is not said what it changes and whether its answer may be kept", () => {
    const changing = operations().filter(({ method }) => method !== "get");
    const routes = changing.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(Object.keys(ROUTE_RULES).sort()).toEqual(routes.sort());
  });

  it("says of every route that changes something whether it is asked in a session", () => {
    for (const { method, path, operation } of operations()) {
      if (method === "get") continue;
      const named = (operation.parameters ?? []).map(({ name }) => name);
      const { inSession } = rulesOf(method.toUpperCase(), path);
      expect([method, path, inSession]).toEqual([method, path, named.includes("holdfast-session")]);
    }
  });

  it("describes routes that are there and that ask for a signature", async () => {
    for (const { method, path } of operations()) {
      if (path === "/v1/health") continue;
      const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => EXAMPLES[name] ?? name);
      const unsigned = await fetch(new URL(filled, edge.url), { method: method.toUpperCase() });
      expect([path, unsigned.status]).toEqual([path, 401]);
      const body = method === "get" || method === "delete" ? undefined : {};
      const signed = await rest(edge, method.toUpperCase(), filled, body);
      if (path === "/v1/recovery-keys") {
        expect(signed.status).toBe(200);
        continue;
      }
      expect([path, signed.body.error.code]).not.toEqual([path, "route_not_found"]);
      expect([path, [400, 404].includes(signed.status)]).toEqual([path, true]);
    }
  });

  it("knows no other routes", async () => {
    const answer = await rest(edge, "GET", "/v1/nothing-here");
    expect(answer.status).toBe(404);
    expect(answer.body.error.code).toBe("route_not_found");
  });
});

describe("health", () => {
  it("says which regions are served", async () => {
    const answer = await fetch(new URL("/v1/health", edge.url));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      status: "ok",
      regions: ["eu-west-1", "us-east-1"],
      recoveryKeys: 1,
    });
  });
});
