/** The states of the keys in the variables, as everything behind them finds them. */
import { expect, it } from "vitest";
import { type SecretEnv, secretsOf } from "../../../src/worker/opening/secrets.ts";
import { testSecrets } from "../../lib/mf.ts";

interface Variable {
  readonly state: string;
  readonly key: string | null;
}

/** The states of CMK, MKBK and AKBK, and whether their bytes are there. */
async function found(change: (key: Variable) => Variable) {
  const { bindings } = await testSecrets();
  const changed = (name: string, list: string) => {
    const value = JSON.parse(bindings[name] ?? "{}");
    return { [name]: JSON.stringify({ ...value, [list]: value[list].map(change) }) };
  };
  const secrets = secretsOf({
    ...bindings,
    ...changed("LOCAL_KMS", "keys"),
    ...changed("MANUFACTURER", "mkbk"),
    ...changed("OPERATOR", "akbk"),
  } as unknown as SecretEnv);
  const keys = [...secrets.localKms.keys, ...secrets.manufacturer.mkbk, ...secrets.operator.akbk];
  return keys.map(({ state, key }) => `${state} ${key === null ? "without" : "with"} bytes`);
}

it.each<[string, (key: Variable) => Variable, string]>([
  ["active", (key) => key, "active with bytes"],
  ["retired", (key) => ({ ...key, state: "retired" }), "retired with bytes"],
  ["destroyed", (key) => ({ ...key, state: "destroyed", key: null }), "destroyed without bytes"],
  [
    "destroyed, the bytes left in",
    (key) => ({ ...key, state: "destroyed" }),
    "destroyed without bytes",
  ],
  ["active without bytes", (key) => ({ ...key, key: null }), "destroyed without bytes"],
  [
    "retired without bytes",
    (key) => ({ ...key, state: "retired", key: null }),
    "destroyed without bytes",
  ],
])("a key that is %s is found so", async (_, change, state) => {
  expect(await found(change)).toEqual([state, state, state]);
});
