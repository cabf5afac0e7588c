/**
 * Of whom DescribeClusters asks PRECO's first passwords, and how often.
 */
import { describe, expect, it } from "vitest";
import type { AccessRole } from "../../../src/cluster/permissions.ts";
import type { ClusterState } from "../../../src/cluster/states.ts";
import { AWS_OPERATIONS, type Scope } from "../../../src/worker/aws/operations.ts";

const STATES: readonly ClusterState[] = [
  "CREATE_IN_PROGRESS",
  "UNINITIALIZED",
  "INITIALIZE_IN_PROGRESS",
  "INITIALIZED",
  "ACTIVE",
  "DELETE_IN_PROGRESS",
  "DELETED",
];

/** A region with a cluster in each of the states, and a reader that notes what it is asked. */
function scopeOf(role: AccessRole, states: readonly ClusterState[]) {
  const asked: (readonly string[])[] = [];
  const items = states.map((state) => ({
    ...{ clusterId: `cluster-${state}`, state, certificates: {}, hsms: [], tags: [] },
  }));
  const scope = {
    role,
    place: { account: "123456789012", region: "us-east-1" },
    region: { describeClusters: async () => ({ ok: true, value: { items, nextToken: null } }) },
    reader: () => ({
      preCoPasswords: async (ids: readonly string[]) => {
        asked.push(ids);
        return new Map(ids.map((id) => [id, `password of ${id}`]));
      },
    }),
  };
  return { asked, scope: scope as unknown as Scope };
}

async function describeClusters(scope: Scope): Promise<Record<string, unknown>[]> {
  const answer = await AWS_OPERATIONS.get("DescribeClusters")?.answer(scope, {});
  if (answer?.ok !== true) throw new Error("DescribeClusters was refused");
  return answer.value["Clusters"] as Record<string, unknown>[];
}

describe("the first passwords of a page of clusters", () => {
  it.each(["owner", "operator"] as const)("are one call for an %s", async (role) => {
    const { asked, scope } = scopeOf(role, STATES);
    const clusters = await describeClusters(scope);
    expect(asked).toEqual([["cluster-UNINITIALIZED", "cluster-INITIALIZED"]]);
    const shown = clusters.filter((cluster) => "PreCoPassword" in cluster);
    expect(shown.map(({ ClusterId, PreCoPassword }) => [ClusterId, PreCoPassword])).toEqual([
      ["cluster-UNINITIALIZED", "password of cluster-UNINITIALIZED"],
      ["cluster-INITIALIZED", "password of cluster-INITIALIZED"],
    ]);
  });

  it("are none for an auditor", async () => {
    const { asked, scope } = scopeOf("auditor", STATES);
    const clusters = await describeClusters(scope);
    expect(clusters).toHaveLength(STATES.length);
    expect(clusters.some((cluster) => "PreCoPassword" in cluster)).toBe(false);
    expect(asked).toEqual([]);
  });

  it("are none where no cluster waits for its activation", async () => {
    const { asked, scope } = scopeOf("owner", ["CREATE_IN_PROGRESS", "ACTIVE", "DELETED"]);
    await describeClusters(scope);
    expect(asked).toEqual([]);
  });
});
