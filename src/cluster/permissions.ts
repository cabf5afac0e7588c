/**
 * What an access key's role may do. The whole rule is the table below, which docs/AWS.md, "Roles",
 * shows.
 *
 * `delete` is everything that removes something or sets a date for its removal: DeleteHsm,
 * DeleteCluster, DeleteBackup, and changes of retention. Users inside an HSM are another matter:
 * they log in with their own credentials, whoever signed the request.
 */
export type AccessRole = "owner" | "operator" | "auditor";

export type Action = "read" | "write" | "delete";

const PERMITTED: Readonly<Record<AccessRole, readonly Action[]>> = {
  owner: ["read", "write", "delete"],
  operator: ["read", "write"],
  auditor: ["read"],
};

export function isPermitted(role: AccessRole, action: Action): boolean {
  return PERMITTED[role].includes(action);
}
