/**
 * Faults about users, sessions, permissions and policies, and their sentences.
 *
 * docs/HSM.md §7. An exhaustive switch: a new fault does not compile until it has its sentence.
 */

/** Who is asking, and may they. */
export type AccessFault =
  /** Unknown user, wrong password and locked user answer alike. */
  | { readonly code: "login_failed" }
  | { readonly code: "session_invalid" }
  | { readonly code: "session_limit"; readonly limit: number }
  | { readonly code: "not_permitted"; readonly permission: string; readonly role: string }
  | { readonly code: "quorum_required"; readonly service: string; readonly approvals: number }
  | { readonly code: "quorum_unavailable"; readonly service: string; readonly registered: number }
  | { readonly code: "password_invalid"; readonly min: number; readonly max: number }
  | { readonly code: "username_invalid"; readonly max: number }
  | { readonly code: "role_invalid"; readonly got: string }
  | { readonly code: "verifier_invalid"; readonly why: string }
  | { readonly code: "user_exists"; readonly username: string }
  | { readonly code: "user_not_found"; readonly username: string }
  | { readonly code: "user_limit"; readonly limit: number }
  | { readonly code: "user_protected"; readonly username: string; readonly why: string }
  | {
      readonly code: "user_owns_objects";
      readonly username: string;
      readonly keys: number;
      readonly certificates: number;
    }
  | { readonly code: "already_activated" }
  | { readonly code: "not_initialized" }
  | { readonly code: "not_manufactured" }
  | { readonly code: "already_manufactured" }
  | { readonly code: "already_initialized" }
  | { readonly code: "policy_invalid"; readonly field: string; readonly why: string }
  /** Another event changed what this one had looked at. */
  | { readonly code: "changed_meanwhile"; readonly what: string };

export function describeAccessFault(fault: AccessFault): string {
  switch (fault.code) {
    case "login_failed":
      return (
        "User name or password is wrong, or the user is locked after too many wrong passwords. An " +
        "admin (CO) sees who is locked, and unlocks by setting a new password."
      );
    case "session_invalid":
      return "The session is unknown or has expired. Log in again.";
    case "session_limit":
      return (
        `The HSM has ${fault.limit} open sessions, its limit for users of this role. Log out of ` +
        "one, or wait for idle ones to expire."
      );
    case "not_permitted":
      return (
        `A user with role ${fault.role} may not: ${fault.permission}. Log in as a user whose ` +
        "role allows it."
      );
    case "quorum_required":
      return (
        `This takes the approval of ${fault.approvals} users (service "${fault.service}"). ` +
        "Get a quorum token approved first."
      );
    case "quorum_unavailable":
      return (
        `Service "${fault.service}" cannot ask for a quorum: ${fault.registered} users have ` +
        "registered a quorum key. Register enough of them first."
      );
    default:
      return isStateFault(fault) ? describeStateFault(fault) : describeUserFault(fault);
  }
}

type SessionFaultCode =
  | "login_failed"
  | "session_invalid"
  | "session_limit"
  | "not_permitted"
  | "quorum_required"
  | "quorum_unavailable";
type UserFault = Exclude<AccessFault, StateFault | { code: SessionFaultCode }>;

function describeUserFault(fault: UserFault): string {
  switch (fault.code) {
    case "password_invalid":
      return (
        `A password has ${fault.min} to ${fault.max} characters, none of them a control character ` +
        "or a line break. Choose another one."
      );
    case "username_invalid":
      return `A user name has 1 to ${fault.max} letters, digits or underscores: choose another.`;
    case "role_invalid":
      return `A new user is a CO or a CU, not "${fault.got}".`;
    case "verifier_invalid":
      return (
        `The password verifier cannot be taken: ${fault.why}. Make it with the algorithm and ` +
        "cost of docs/HSM.md §2."
      );
    case "user_exists":
      return `There is a user named "${fault.username}" already. Choose another name.`;
    case "user_not_found":
      return `There is no user named "${fault.username}". List the users to see their names.`;
    case "user_limit":
      return `The HSM holds ${fault.limit} users, its limit. Delete a user first.`;
    case "user_protected":
      return `User "${fault.username}" cannot be changed so: ${fault.why}.`;
    case "user_owns_objects":
      return (
        `User "${fault.username}" owns ${fault.keys} keys and ${fault.certificates} ` +
        "certificates, which nobody could delete afterwards. Delete them first, logged in as " +
        "that user."
      );
  }
}

type StateFault = Extract<
  AccessFault,
  {
    code:
      | "already_activated"
      | "not_initialized"
      | "not_manufactured"
      | "already_manufactured"
      | "already_initialized"
      | "policy_invalid"
      | "changed_meanwhile";
  }
>;

const STATE_FAULTS: ReadonlySet<string> = new Set<StateFault["code"]>([
  "already_activated",
  "not_initialized",
  "not_manufactured",
  "already_manufactured",
  "already_initialized",
  "policy_invalid",
  "changed_meanwhile",
]);

function isStateFault(fault: StateFault | UserFault): fault is StateFault {
  return STATE_FAULTS.has(fault.code);
}

function describeStateFault(fault: StateFault): string {
  switch (fault.code) {
    case "already_activated":
      return "The cluster is activated already. Log in with the password set then.";
    case "not_initialized":
      return "The cluster has no certificate yet. Initialize it (InitializeCluster), then activate.";
    case "not_manufactured":
      return "The HSM is blank. Manufacture it, or restore a backup onto it.";
    case "already_manufactured":
      return "The HSM has been set up already. Zeroize it before setting it up anew.";
    case "already_initialized":
      return (
        "The cluster has its certificate already. It is set once; make a new cluster for " +
        "another one."
      );
    case "policy_invalid":
      return `The policy "${fault.field}" is refused: ${fault.why}.`;
    case "changed_meanwhile":
      return `${fault.what} was changed by somebody else in the meantime. Try again.`;
  }
}
