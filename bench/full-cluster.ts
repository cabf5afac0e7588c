/**
 * Fills a cluster at the edge through REST with what the generator makes, up to a full
 * hsm2m.medium.
 */

import { customerAuthority } from "../scripts/customer/authority.ts";
import { ControlPlane } from "../scripts/customer/control-plane.ts";
import { DataPlane, type Session } from "../scripts/customer/data-plane.ts";
import type { RestAccess } from "../scripts/customer/rest-client.ts";
import { encodeBase64 } from "../src/crypto/base-encodings.ts";
import type { UserImport } from "../src/hsm/access/user-import.ts";
import type { KeyImport } from "../src/hsm/keys/import.ts";
import {
  batches,
  GENERATED_PASSWORD,
  type GeneratedCluster,
  generateFullCluster,
  OWNER,
} from "../test/lib/generator.ts";

const OFFICER = "admin";
const OFFICER_PASSWORD = "officer-password";
const SHARES_AT_ONCE = 8;

export interface FilledCluster {
  readonly control: ControlPlane;
  readonly data: DataPlane;
  readonly clusterId: string;
  readonly hsmId: string;
}

/** An active cluster with one HSM that holds `keys` keys and `users` users. */
export async function fillCluster(
  access: RestAccess,
  size: { readonly keys: number; readonly users: number },
): Promise<FilledCluster> {
  const generated = await generateFullCluster(size);
  const control = new ControlPlane(access);
  const clusterId = (await control.createCluster()).ClusterId ?? "";
  const hsmId = (await control.createHsm(clusterId)).HsmId ?? "";
  const described = await control.cluster(clusterId);
  const authority = await customerAuthority();
  const signed = await authority.sign(described?.Certificates?.ClusterCsr ?? "");
  const ready = await control.initializeCluster(clusterId, signed, authority.pem);
  const data = new DataPlane(access, clusterId);
  await data.activate(ready.PreCoPassword ?? "", OFFICER_PASSWORD);
  await control.clusterIn("ACTIVE", clusterId);
  await importGenerated(data, generated);
  return { control, data, clusterId, hsmId };
}

async function importGenerated(data: DataPlane, generated: GeneratedCluster): Promise<void> {
  const officer = await data.logIn(OFFICER, OFFICER_PASSWORD);
  for (const batch of batches(generated.users)) {
    await officer.importUsers(batch.map(userBody));
  }
  const owner = await data.logIn(OWNER, GENERATED_PASSWORD);
  await owner.importCertificates(generated.certificatesPem);
  const handles: number[] = [];
  for (const batch of batches(generated.keys)) {
    handles.push(...(await owner.importKeys(batch.map(keyBody))));
  }
  await shareWithAll(owner, handles[generated.sharedKey] ?? 0, generated.users.slice(1));
}

/** The largest key record there can be: shared with every other crypto user. */
async function shareWithAll(
  owner: Session,
  handle: number,
  users: readonly UserImport[],
): Promise<void> {
  const names = users.filter(({ role }) => role === "CU").map(({ username }) => username);
  for (const some of batches(names, SHARES_AT_ONCE)) {
    await Promise.all(some.map((name) => owner.shareKey(handle, name)));
  }
}

function userBody({ username, role, verifier }: UserImport) {
  return {
    username,
    role,
    verifier: {
      salt: encodeBase64(verifier.salt),
      digest: verifier.digest.use(encodeBase64),
      ...verifier.cost,
    },
  };
}

function keyBody({ material, attributes }: KeyImport) {
  switch (material.format) {
    case "raw": {
      const { type } = material;
      return {
        ...attributes,
        material: { format: "raw", type, raw: material.key.use(encodeBase64) },
      };
    }
    case "pkcs8":
      return { ...attributes, material: { format: "pkcs8", der: material.key.use(encodeBase64) } };
    default:
      throw new Error(`unreachable: the generator makes no ${material.format}`);
  }
}
