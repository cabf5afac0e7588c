/**
 * The attributes of the one configuration record: what the cluster is. No secret part.
 *
 * FORMAT.md §4; docs/HSM.md §5, §9. What differs between HSMs of one cluster (ids, identity keys,
 * storage keys) is not here, so equal contents give equal digests.
 */

import { type HsmType, MAX_CERTIFICATE_PEM_CHARACTERS } from "../rules/limits.ts";
import {
  type AttributesCodec,
  attributesCodec,
  choiceField,
  numberField,
  textField,
} from "./attributes-codec.ts";

export const CONFIGURATION_ID = 0;

export type HsmMode = "FIPS" | "NON_FIPS";
export type HsmTypeNumber = 1 | 2;
export type HsmModeNumber = 1 | 2;

export const HSM_TYPE_NUMBER: Readonly<Record<HsmType, HsmTypeNumber>> = {
  "hsm1.medium": 1,
  "hsm2m.medium": 2,
};
export const HSM_TYPE_OF: Readonly<Record<HsmTypeNumber, HsmType>> = {
  1: "hsm1.medium",
  2: "hsm2m.medium",
};
export const HSM_MODE_NUMBER: Readonly<Record<HsmMode, HsmModeNumber>> = { FIPS: 1, NON_FIPS: 2 };
export const HSM_MODE_OF: Readonly<Record<HsmModeNumber, HsmMode>> = { 1: "FIPS", 2: "NON_FIPS" };

export interface ConfigurationAttributes {
  readonly hsmType: HsmTypeNumber;
  readonly mode: HsmModeNumber;
  readonly label: string;
  readonly createdAtMs: number;
  /** 0 until PRECO has set its password. */
  readonly activatedAtMs: number;
  /** PEM; "" until the cluster is initialised. */
  readonly clusterCertificatePem: string;
  readonly trustAnchorPem: string;
}

export const configurationCodec: AttributesCodec<ConfigurationAttributes> =
  attributesCodec<ConfigurationAttributes>({
    hsmType: choiceField<HsmTypeNumber>(1, [1, 2]),
    mode: choiceField<HsmModeNumber>(2, [1, 2]),
    label: textField(3, 128),
    createdAtMs: numberField(4, 0, Number.MAX_SAFE_INTEGER),
    activatedAtMs: numberField(5, 0, Number.MAX_SAFE_INTEGER),
    clusterCertificatePem: textField(6, MAX_CERTIFICATE_PEM_CHARACTERS),
    trustAnchorPem: textField(7, MAX_CERTIFICATE_PEM_CHARACTERS),
  });
