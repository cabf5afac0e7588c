import { describe, expect, it } from "vitest";
import { inventory } from "../../../src/hsm/inventory.ts";
import { generateFullCluster, importFullCluster, OWNER } from "../../lib/generator.ts";
import { activeHsm, CHEAP } from "../../lib/hsm.ts";

describe("the generator of full clusters", () => {
  it("makes contents that an HSM takes, with the worst records among them", async () => {
    const { hsm, store, admin } = await activeHsm();
    const cluster = await generateFullCluster({ keys: 200, users: 40, passwordCost: CHEAP });
    await importFullCluster(hsm, cluster, admin);
    const held = inventory(store);
    expect(held.keys).toHaveLength(200);
    expect(held.keys.filter(({ type }) => type === "ec")).toHaveLength(39);
    expect(held.keys.find(({ sizeBits }) => sizeBits === 4096)?.type).toBe("rsa");
    expect(held.keys[0]?.owner).toBe(OWNER);
    expect(held.keys[0]?.sharedWith).toHaveLength(37);
    expect(new TextEncoder().encode(held.keys[0]?.label)).toHaveLength(128);
    const pem = held.certificates[0]?.pem ?? "";
    expect(pem.length).toBeGreaterThan(19_000);
    expect(pem.length).toBeLessThanOrEqual(20_000);
  });

  it("gives the same names and material for the same seed", async () => {
    const [one, two] = await Promise.all(
      [1, 2].map(() => generateFullCluster({ keys: 20, users: 5, passwordCost: CHEAP })),
    );
    const material = (index: number, cluster = one): string => {
      const { material } = cluster!.keys[index]!;
      return "key" in material ? material.key.use((b) => Buffer.from(b).toString("hex")) : "";
    };
    for (const index of [0, 1, 17]) expect(material(index)).toBe(material(index, two));
    expect(one?.users.map(({ username }) => username)).toEqual(
      two?.users.map(({ username }) => username),
    );
  });
});
