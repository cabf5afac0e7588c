/**
 * Sessions: who is logged in to this HSM. Local to it, and never part of a snapshot.
 *
 * docs/HSM.md §2.3. A token is random and held by the user alone; the store knows its SHA-256.
 */

import { encodeBase64Url } from "../../crypto/base-encodings.ts";
import { ROLE_OF, type UserRole } from "../memory/user-record.ts";
import { HsmError } from "../rules/errors.ts";
import {
  MAX_SESSIONS,
  MAX_SESSIONS_PER_USER,
  SESSION_IDLE_MS,
  SESSION_TOKEN_BYTES,
  SESSION_TOUCH_MS,
  SESSIONS_FOR_OFFICERS,
} from "../rules/limits.ts";
import type { HsmContext } from "./context.ts";
import type { SessionCounts } from "./session-store.ts";
import type { FoundUser } from "./user-directory.ts";

/** Who can unlock users and delete them, or is about to become one of them. */
const OFFICERS: ReadonlySet<UserRole> = new Set(["CO", "PRECO"]);

/** 32 random bytes in base64url, 43 characters. A secret. */
export type SessionToken = string;

/**
 * Opens a session for a user who has just been authenticated. One beyond the user's share ends the
 * one of theirs that has been unused for longest.
 *
 * @throws HsmError `session_limit`.
 */
export function openSession(context: HsmContext, { id, user }: FoundUser): SessionToken {
  const { sessions } = context;
  const nowMs = context.now();
  const officer = OFFICERS.has(ROLE_OF[user.role]);
  sessions.purge(nowMs);
  if (sessions.counts(id).own >= MAX_SESSIONS_PER_USER) sessions.deleteOldest(id);
  verifyRoom(sessions.counts(id), officer);
  const token = encodeBase64Url(context.random(SESSION_TOKEN_BYTES));
  const expiresAtMs = nowMs + SESSION_IDLE_MS;
  sessions.put(digestOfToken(context, token), { userId: id, officer, expiresAtMs });
  return token;
}

/** However many users hold their shares, an officer gets in, who can end sessions. */
function verifyRoom({ all, ordinary }: SessionCounts, officer: boolean): void {
  const forOthers = MAX_SESSIONS - SESSIONS_FOR_OFFICERS;
  if (!officer && ordinary >= forOthers) {
    throw new HsmError({ code: "session_limit", limit: forOthers });
  }
  if (all >= MAX_SESSIONS) throw new HsmError({ code: "session_limit", limit: MAX_SESSIONS });
}

/** The user behind a token, whose idle time begins anew. @throws HsmError `session_invalid`. */
export function sessionUserId(context: HsmContext, token: SessionToken): number {
  const nowMs = context.now();
  const digest = digestOfToken(context, token);
  const session = context.sessions.get(digest);
  if (session === null || session.expiresAtMs <= nowMs)
    throw new HsmError({ code: "session_invalid" });
  const expiresAtMs = nowMs + SESSION_IDLE_MS;
  if (expiresAtMs - session.expiresAtMs >= SESSION_TOUCH_MS) {
    context.sessions.put(digest, { ...session, expiresAtMs });
  }
  return session.userId;
}

/** Looked up by digest: finding it takes no comparison with the token itself. */
export function digestOfToken(context: HsmContext, token: SessionToken): string {
  return encodeBase64Url(context.core.sha256(new TextEncoder().encode(token)));
}
