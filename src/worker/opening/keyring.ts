/**
 * Which keys open a backup where no cluster's own HSM is meant: those this deployment would install.
 *
 * Spec: FORMAT.md §5, DEPLOY.md.
 */
import type { Keyring } from "../../backup/format/keys.ts";
import type { Deployment } from "../platform/deployment.ts";

/** Keys of this deployment, borrowed. */
export function deploymentKeyring(deployment: Deployment): Keyring {
  const { manufacturer, operator } = deployment;
  return {
    manufacturer: manufacturer.name,
    mkbk: [...manufacturer.mkbk],
    akbk: [...operator.akbk],
  };
}
