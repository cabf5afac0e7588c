/**
 * A new HSM: configuration, default policies, the appliance user and, for a new cluster, PRECO.
 *
 * docs/HSM.md §1. An HSM that a restore will fill has no PRECO: its users come with the backup.
 */

import { HSM_MODE_NUMBER, HSM_TYPE_NUMBER, type HsmMode } from "../memory/configuration-record.ts";
import { putPolicies } from "../memory/policy-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { HsmError } from "../rules/errors.ts";
import type { HsmType } from "../rules/limits.ts";
import { putConfiguration } from "./configuration.ts";
import type { HsmContext } from "./context.ts";
import { generateVerifier, type PasswordVerifier } from "./passwords.ts";
import { DEFAULT_POLICIES } from "./policies.ts";
import { putNewUser } from "./user-directory.ts";

export const PRECO_USERNAME = "admin";
const APPLIANCE_USERNAME = "app_user";

export interface Manufacture {
  readonly hsmType: HsmType;
  readonly mode: HsmMode;
  readonly label?: string;
  /** Of the PRECO user `admin`; null for an HSM that a restore will fill. */
  readonly preCoPassword: string | null;
  /** Of the appliance user; null, as usual, for none: no password opens it. */
  readonly appliancePassword?: string | null;
}

/** @throws HsmError `already_manufactured`. */
export async function manufacture(context: HsmContext, order: Manufacture): Promise<void> {
  verifyBlank(context);
  const preCo = await optionalVerifier(context, order.preCoPassword);
  const appliance = await optionalVerifier(context, order.appliancePassword ?? null);
  try {
    context.store.transaction(() => {
      verifyBlank(context);
      putConfiguration(context.store, {
        hsmType: HSM_TYPE_NUMBER[order.hsmType],
        mode: HSM_MODE_NUMBER[order.mode],
        label: order.label ?? "",
        createdAtMs: context.now(),
        activatedAtMs: 0,
        clusterCertificatePem: "",
        trustAnchorPem: "",
      });
      putPolicies(context.store, DEFAULT_POLICIES);
      if (preCo !== null)
        putNewUser(context, 1, { username: PRECO_USERNAME, role: "PRECO" }, preCo);
      putNewUser(context, 2, { username: APPLIANCE_USERNAME, role: "AU" }, appliance);
    });
  } finally {
    preCo?.digest[Symbol.dispose]();
    appliance?.digest[Symbol.dispose]();
  }
}

function verifyBlank(context: HsmContext): void {
  const isBlank = context.store.count(RECORD_TYPE.configuration) === 0;
  if (!isBlank) throw new HsmError({ code: "already_manufactured" });
}

async function optionalVerifier(
  context: HsmContext,
  password: string | null,
): Promise<PasswordVerifier | null> {
  if (password === null) return null;
  return await context.turns.derive("", (turn) => generateVerifier(context, password, turn));
}
