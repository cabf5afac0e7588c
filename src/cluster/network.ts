/**
 * The network a cluster pretends to stand in: zones for its subnets, addresses for its HSMs.
 *
 * Spec: docs/STORAGE.md §1. There is no VPC behind these values. They are invented by fixed rules
 * so that tools which plan by zone, subnet and address find what they expect, and the same request
 * gives the same answer.
 */
import { fnv1a } from "./ids.ts";
import { invalid, type Refusal } from "./refusal.ts";

const ZONES = "abcdefghij";
const FIRST_HOST = 4; // AWS keeps the first four addresses of a subnet.
const LAST_HOST = 254;

/** Zone to subnet: the first subnet is in the region's zone a, the second in b, and so on. */
export function subnetMapping(
  region: string,
  subnetIds: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    subnetIds.map((subnetId, index) => [`${region}${ZONES.charAt(index)}`, subnetId]),
  );
}

export function subnetsRefusal(subnetIds: readonly string[]): Refusal | null {
  if (new Set(subnetIds).size === subnetIds.length) return null;
  return invalid("subnet_repeated", "SubnetIds must not name a subnet twice.");
}

/** One network per account and region: 17 hexadecimal digits from their names. */
export function vpcId(account: string, region: string): string {
  const digits = [`${account}/${region}`, `${region}/${account}`].map((text) =>
    fnv1a(text).toString(16).padStart(8, "0"),
  );
  return `vpc-0${digits.join("")}`;
}

export type AddressChoice =
  | { readonly address: string }
  | { readonly address: null; readonly refusal: Refusal };

/**
 * The address of a new HSM in `zone`: the wanted one if it is free, else the lowest free one.
 *
 * @param taken - addresses of the cluster's HSMs.
 */
export function chooseAddress(
  zone: string,
  wanted: string | null,
  taken: ReadonlySet<string>,
): AddressChoice {
  const subnet = `10.0.${ZONES.indexOf(zone.slice(-1))}.`;
  if (wanted === null) {
    for (let host = FIRST_HOST; host <= LAST_HOST; host++) {
      if (!taken.has(`${subnet}${host}`)) return { address: `${subnet}${host}` };
    }
    return addressRefused("address_exhausted", `No address is left in ${subnet}0/24.`);
  }
  const host = wanted.startsWith(subnet) ? Number(wanted.slice(subnet.length)) : Number.NaN;
  if (!(host >= FIRST_HOST && host <= LAST_HOST)) {
    return addressRefused(
      "address_outside_subnet",
      `IpAddress ${wanted} is not in the subnet of ${zone}, ${subnet}${FIRST_HOST} to ` +
        `${subnet}${LAST_HOST}.`,
    );
  }
  if (taken.has(wanted))
    return addressRefused("address_taken", `IpAddress ${wanted} is already in use.`);
  return { address: wanted };
}

function addressRefused(code: string, message: string): AddressChoice {
  return { address: null, refusal: invalid(code, message) };
}
