/**
 * Sessions: who is logged in to this HSM. Local to it, and never part of a snapshot.
 *
 * docs/HSM.md §2.3. A token is random and held by the user alone; the store knows its SHA-256.
 */

import { encodeBase64Url } from "../../crypto/base-encodings.ts";
import { HsmError } from "../rules/errors.ts";
import {
  MAX_SESSIONS,
  SESSION_IDLE_MS,
  SESSION_TOKEN_BYTES,
  SESSION_TOUCH_MS,
} from "../rules/limits.ts";
import type { HsmContext } from "./context.ts";

/** 32 random bytes in base64url, 43 characters. A secret. */
export type SessionToken = string;

/** Opens a session for a user who has just been authenticated. @throws HsmError `session_limit`. */
export function openSession(context: HsmContext, userId: number): SessionToken {
  const nowMs = context.now();
  if (context.sessions.purge(nowMs) >= MAX_SESSIONS) {
    throw new HsmError({ code: "session_limit", limit: MAX_SESSIONS });
  }
  const token = encodeBase64Url(context.random(SESSION_TOKEN_BYTES));
  context.sessions.put(digestOfToken(context, token), {
    userId,
    expiresAtMs: nowMs + SESSION_IDLE_MS,
  });
  return token;
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
    context.sessions.put(digest, { userId: session.userId, expiresAtMs });
  }
  return session.userId;
}

/** Looked up by digest: finding it takes no comparison with the token itself. */
export function digestOfToken(context: HsmContext, token: SessionToken): string {
  return encodeBase64Url(context.core.sha256(new TextEncoder().encode(token)));
}
