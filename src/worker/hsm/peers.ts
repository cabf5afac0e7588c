/**
 * Keeping the HSMs of one cluster equal: the leader pushes what changed before it acknowledges.
 *
 * Spec: docs/STORAGE.md, "Peers". A peer takes a delta only if it stands exactly where the delta
 * begins; one that cannot be caught up is reported and rebuilt. Secrets travel wrapped.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import { RECORD_TYPE } from "../../hsm/memory/record.ts";
import type { ComparedPeer } from "../contracts/hsm-api.ts";
import type { Delta, PeerApi, Position } from "../contracts/peer-api.ts";
import type { HsmLocation } from "../contracts/place.ts";
import { Refused } from "../contracts/result.ts";
import type { Secrets } from "../opening/secrets.ts";
import { within } from "../platform/deadline.ts";
import type { Deployment } from "../platform/deployment.ts";
import { openCore, randomBytes } from "../platform/engine.ts";
import { log, reasonOf } from "../platform/log.ts";
import { attemptsSince, lastAttempt, takeAttempts } from "./attempts.ts";
import { applyChanges, changesSince, type DeltaKeks } from "./changes.ts";
import { lastChange } from "./generations.ts";
import { type Ancestor, addAncestor, readLocal, writeLocal } from "./local.ts";
import type { HsmRows } from "./row-macs.ts";
import { deriveStorageKey, deriveSyncKey, MemoryChanged } from "./storage-key.ts";

/** A larger delta is not sent: the peer is rebuilt from a backup instead. */
const MAX_DELTA_BYTES = 16 * 1024 * 1024;
const PUSH_ATTEMPTS = 2;
/** A hold that has run out lets writes in between: then once more. */
const BRING_UP_ATTEMPTS = 3;

/** Where this HSM's memory stands. */
export function ownPosition(rows: HsmRows): Position {
  const history = readLocal(rows, "history") ?? "";
  const change = lastChange(rows);
  return { history, change, attempts: lastAttempt(rows) };
}

export function isSamePosition(one: Position, other: Position): boolean {
  return isSameState(one, other) && one.attempts === other.attempts;
}

/** Counts of wrong passwords apart, which are in no digest. */
function isSameState(one: Position, other: Position): boolean {
  return one.history === other.history && one.change === other.change;
}

/** Takes over as leader: the history so far ends here, and a new one begins. */
export function beginHistory(rows: HsmRows): void {
  const { history, change } = ownPosition(rows);
  addAncestor(rows, { history, change, snapshot: false });
  writeLocal(rows, "history", encodeHex(randomBytes(16)));
}

/**
 * The change after which a peer at `peer` is missing rows; null if it is not on this HSM's line.
 *
 * A restored peer counts from 0 in the snapshot's own name; the snapshot knows the leader's number.
 */
function missingSince(
  own: Position,
  ancestors: readonly Ancestor[],
  peer: Position,
): number | null {
  if (peer.history === own.history) return peer.change <= own.change ? peer.change : null;
  const ancestor = ancestors.find(({ history }) => history === peer.history);
  if (ancestor === undefined) return null;
  if (ancestor.snapshot) return peer.change === 0 ? ancestor.change : null;
  return peer.change <= ancestor.change ? peer.change : null;
}

/**
 * Whoever leads has whatever it pushed: a peer further along in the same history has what this HSM had
 * and lost, when its database was put back. @throws MemoryChanged.
 */
function verifyNotBehind(own: Position, peer: Position): void {
  if (peer.history !== own.history) return;
  if (peer.change <= own.change && peer.attempts <= own.attempts) return;
  throw new MemoryChanged("all of it is as it was before");
}

/** Applies a leader's delta to this HSM's memory. @throws Refused with `replication_gap`. */
export function takeDelta(
  storage: DurableObjectStorage,
  rows: HsmRows,
  keks: DeltaKeks,
  delta: Delta,
): null {
  return storage.transactionSync(() => {
    if (!isSamePosition(ownPosition(rows), delta.from)) {
      const message = "This HSM does not stand where the delta begins.";
      throw new Refused({ kind: "conflict", code: "replication_gap", message });
    }
    applyChanges(rows, keks, delta.rows, delta.to.change);
    const users = delta.rows.filter(({ type }) => type === RECORD_TYPE.user).map(({ id }) => id);
    takeAttempts(rows, delta.attempts, users);
    writeLocal(rows, "history", delta.to.history);
    return null;
  });
}

/** Runs `f` with the keys a delta passes between, on a core of its own. */
export function withDeltaKeks<T>(
  secrets: Secrets,
  location: HsmLocation,
  f: (keks: DeltaKeks) => T,
): T {
  using core = openCore();
  using storageKey = deriveStorageKey(core, secrets, location);
  using syncKey = deriveSyncKey(core, secrets, location);
  using storage = core.kek(storageKey);
  using sync = core.kek(syncKey);
  return f({ storage, sync });
}

/** The leader's side. One per Durable Object; what it holds is lost with the object, harmlessly. */
export class Peers {
  readonly #rows: HsmRows;
  readonly #deployment: Deployment;
  readonly #secrets: Secrets;
  readonly #digest: () => string;
  /** Where each peer stood when last heard of. */
  readonly #positions = new Map<string, Position>();
  /** Peers that `Region` has taken out of service on this HSM's word. */
  #reported = new Set<string>();
  #queue: Promise<unknown> = Promise.resolve();

  /** @param digest - hex digest of this HSM's state, computed when a peer's line is unknown. */
  constructor(rows: HsmRows, deployment: Deployment, secrets: Secrets, digest: () => string) {
    this.#rows = rows;
    this.#deployment = deployment;
    this.#secrets = secrets;
    this.#digest = digest;
  }

  /**
   * The membership has changed: forgets where peers stand, but for those `kept`, and what was
   * reported. A report on its way counts for the membership in which it was sent.
   */
  forget(kept: readonly HsmLocation[] = []): void {
    const known = new Set(kept.map(({ hsmId }) => hsmId));
    for (const hsmId of this.#positions.keys()) {
      if (!known.has(hsmId)) this.#positions.delete(hsmId);
    }
    this.#reported = new Set();
  }

  /** Takes note of where a peer stands: on this HSM's line, as `bringUp` found it. */
  note({ hsmId, ...position }: ComparedPeer): void {
    this.#positions.set(hsmId, position);
  }

  isReported(hsmId: string): boolean {
    return this.#reported.has(hsmId);
  }

  /** Whether every peer is known to be on this HSM's line, however far along, or is reported. */
  areSettled(peers: readonly HsmLocation[]): boolean {
    if (peers.length === 0) return true;
    const { history } = ownPosition(this.#rows);
    return peers.every(
      ({ hsmId }) => this.#reported.has(hsmId) || this.#positions.get(hsmId)?.history === history,
    );
  }

  /**
   * Brings every peer to where this HSM stands now. Pushes of one HSM run one after another, so
   * each peer takes the changes in the order in which they were made.
   *
   * @returns Whether every peer is there now or out of service; false: nothing may be acknowledged.
   * @throws MemoryChanged if a row that has to be sent does not open.
   */
  push(location: HsmLocation, peers: readonly HsmLocation[]): Promise<boolean> {
    return this.#inTurn(async () => {
      const settled = await Promise.all(peers.map((peer) => this.#pushTo(location, peer)));
      return settled.every((isSettled) => isSettled);
    });
  }

  /**
   * Brings an HSM that joins to where this HSM stands, and compares the digests of both in one
   * turn. @returns null if it is on no line that leads here, or if writes never let it catch up.
   */
  bringUp(location: HsmLocation, peer: HsmLocation): Promise<ComparedPeer | null> {
    return this.#inTurn(async () => {
      this.#positions.delete(peer.hsmId); // It was restored: what was known of it is of before.
      for (let attempt = 0; attempt < BRING_UP_ATTEMPTS; attempt++) {
        if (!(await this.#catchUp(location, peer))) return null;
        const answer = await this.#answerOf(this.#deployment.hsm(peer).position(true));
        if (!answer.ok) return null;
        const { position, stateDigest } = answer.value;
        const own = ownPosition(this.#rows);
        if (!isSameState(position, own)) continue; // A write came between.
        return stateDigest === this.#digest() ? { hsmId: peer.hsmId, ...position } : null;
      }
      return null;
    });
  }

  #inTurn<T>(f: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(f);
    // The next one begins whatever became of this one; its caller hears of a failure.
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #pushTo(location: HsmLocation, peer: HsmLocation): Promise<boolean> {
    if (this.#reported.has(peer.hsmId)) return true;
    for (let attempt = 0; attempt < PUSH_ATTEMPTS; attempt++) {
      try {
        if (await this.#catchUp(location, peer)) return true;
      } catch (error) {
        if (error instanceof MemoryChanged) throw error; // Of this HSM: the peer is not to blame.
        log("warning", "push_failed", { hsmId: peer.hsmId, reason: reasonOf(error) });
      }
      this.#positions.delete(peer.hsmId);
    }
    return await this.#report(location, peer);
  }

  /** Whether the peer has been caught up; false: it stood elsewhere than thought, or is lost. */
  async #catchUp(location: HsmLocation, peer: HsmLocation): Promise<boolean> {
    const stub: PeerApi = this.#deployment.hsm(peer);
    const from = this.#positions.get(peer.hsmId) ?? (await this.#locate(stub));
    if (from === null) return false;
    const rows = this.#rows;
    const to = ownPosition(rows);
    if (isSamePosition(from, to)) {
      this.#positions.set(peer.hsmId, to);
      return true;
    }
    verifyNotBehind(to, from);
    const ancestors = readLocal(rows, "ancestors") ?? [];
    const since = missingSince(to, ancestors, from) ?? (await this.#sinceIfEqual(stub, to));
    if (since === null) return false;
    const changed = withDeltaKeks(this.#secrets, location, (keks) =>
      changesSince(rows, keks, since, MAX_DELTA_BYTES),
    );
    if (changed === null) return false;
    const attempts = attemptsSince(rows, from, to);
    const taken = await this.#answerOf(stub.applyDelta({ from, to, rows: changed, attempts }));
    if (taken.ok) this.#positions.set(peer.hsmId, to);
    return taken.ok;
  }

  /**
   * A peer that hangs would stop every write of the cluster. What it does later, unheard, is
   * harmless: it takes a delta only if it stands where the delta begins.
   */
  #answerOf<T>(answer: Promise<T>): Promise<T> {
    return within(this.#deployment.schedule.pushMs, answer);
  }

  async #locate(stub: PeerApi): Promise<Position | null> {
    const answer = await this.#answerOf(stub.position(false));
    return answer.ok ? answer.value.position : null;
  }

  /** A peer of another line that holds the same state misses nothing. */
  async #sinceIfEqual(stub: PeerApi, to: Position): Promise<number | null> {
    const answer = await this.#answerOf(stub.position(true));
    return answer.ok && answer.value.stateDigest === this.#digest() ? to.change : null;
  }

  /** Whether `Region` has taken the peer out of service; if not, the next push tries both again. */
  async #report(location: HsmLocation, peer: HsmLocation): Promise<boolean> {
    const { hsmId } = peer;
    const reported = this.#reported;
    const region = this.#deployment.region(peer.account, peer.region);
    try {
      const noted = await this.#answerOf(
        region.noteDegraded(peer.clusterId, hsmId, location.hsmId),
      );
      if (noted.ok) reported.add(hsmId);
      else log("warning", "degraded_not_noted", { hsmId, code: noted.refusal.code });
      return noted.ok;
    } catch (error) {
      log("warning", "degraded_not_noted", { hsmId, reason: reasonOf(error) });
      return false;
    }
  }
}
