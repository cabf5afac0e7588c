/**
 * Configuration: what the cluster is, set at manufacture, initialisation and activation.
 *
 * docs/HSM.md §5. One record, part of cluster state.
 */
import {
  CONFIGURATION_ID,
  type ConfigurationAttributes,
  configurationCodec,
  HSM_MODE_OF,
  HSM_TYPE_OF,
  type HsmMode,
} from "../memory/configuration-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { type HsmStore, readAttributes } from "../memory/store.ts";
import { HsmError } from "../rules/errors.ts";
import { type HsmType, KEY_LIMITS, type KeyLimits } from "../rules/limits.ts";
import type { HsmContext } from "./context.ts";

/** How the configuration is shown. No secrets. */
export interface ConfigurationView {
  readonly hsmType: HsmType;
  readonly mode: HsmMode;
  readonly label: string;
  readonly createdAtMs: number;
  readonly activated: boolean;
  readonly activatedAtMs: number | null;
  readonly clusterCertificatePem: string | null;
  readonly trustAnchorPem: string | null;
}

/** @throws HsmError `not_manufactured`. */
export function readConfiguration(store: HsmStore): ConfigurationAttributes {
  const row = store.get(RECORD_TYPE.configuration, CONFIGURATION_ID);
  if (row === null) throw new HsmError({ code: "not_manufactured" });
  return readAttributes(configurationCodec, row);
}

export function putConfiguration(store: HsmStore, configuration: ConfigurationAttributes): void {
  const attributes = configurationCodec.encode(configuration);
  const { configuration: type } = RECORD_TYPE;
  store.put({ type, id: CONFIGURATION_ID, attributes, secret: null }, "");
}

/** Basic cluster information, which needs no login. */
export function getConfiguration(context: HsmContext): ConfigurationView {
  return configurationView(readConfiguration(context.store));
}

/**
 * Takes the cluster certificate and its trust anchor. The control plane has verified both; the
 * hardware takes them once, and the same ones again without a change. @throws HsmError
 * `already_initialized`.
 */
export function initialize(
  context: HsmContext,
  clusterCertificatePem: string,
  trustAnchorPem: string,
): ConfigurationView {
  return context.store.transaction(() => {
    const before = readConfiguration(context.store);
    const isSame =
      before.clusterCertificatePem === clusterCertificatePem &&
      before.trustAnchorPem === trustAnchorPem;
    if (isSame) return configurationView(before);
    if (before.clusterCertificatePem !== "") throw new HsmError({ code: "already_initialized" });
    const next = { ...before, clusterCertificatePem, trustAnchorPem };
    putConfiguration(context.store, next);
    return configurationView(next);
  });
}

/** How many keys this hardware holds. */
export function keyLimits(context: HsmContext): KeyLimits {
  const type: HsmType =
    context.hardwareType ?? HSM_TYPE_OF[readConfiguration(context.store).hsmType];
  return KEY_LIMITS[type];
}

export function configurationView(configuration: ConfigurationAttributes): ConfigurationView {
  return {
    hsmType: HSM_TYPE_OF[configuration.hsmType],
    mode: HSM_MODE_OF[configuration.mode],
    label: configuration.label,
    createdAtMs: configuration.createdAtMs,
    activated: configuration.activatedAtMs > 0,
    activatedAtMs: configuration.activatedAtMs || null,
    clusterCertificatePem: configuration.clusterCertificatePem || null,
    trustAnchorPem: configuration.trustAnchorPem || null,
  };
}
