/**
 * An HSM's part in its cluster: whether it takes changes, who has to have them before they are
 * acknowledged, and how another HSM joins it or takes over from it.
 *
 * Spec: docs/STORAGE.md §8, with the table of states. What is acknowledged hangs on durable rows
 * (`duty`, `hold`) and on what peers answer; no rule here is safe only because time has passed.
 */
import type { ComparedPeer, ServiceDuty, ServiceOrder } from "../contracts/hsm-api.ts";
import type { HsmLocation } from "../contracts/place.ts";
import { Refused } from "../contracts/result.ts";
import type { Deployment } from "../platform/deployment.ts";
import { reached } from "../platform/reached.ts";
import { deleteLocal, readLocal, writeLocal } from "./local.ts";
import { beginHistory, ownPosition, type Peers } from "./peers.ts";
import type { HsmRows } from "./row-macs.ts";
import { MemoryChanged } from "./storage-key.ts";

export class Service {
  readonly #storage: DurableObjectStorage;
  readonly #rows: HsmRows;
  readonly #deployment: Deployment;
  readonly #peers: Peers;
  readonly #location: () => HsmLocation;

  /** @param location - of this HSM; throws Refused while it is blank. */
  constructor(
    storage: DurableObjectStorage,
    rows: HsmRows,
    deployment: Deployment,
    peers: Peers,
    location: () => HsmLocation,
  ) {
    this.#storage = storage;
    this.#rows = rows;
    this.#deployment = deployment;
    this.#peers = peers;
    this.#location = location;
  }

  /** To be asked in the turn of the change. @throws Refused unless this HSM takes changes now. */
  verifyTakesChanges(): void {
    const hold = readLocal(this.#rows, "hold");
    if (hold?.untilMs === null) throw leaving();
    const duty = readLocal(this.#rows, "duty");
    if (duty?.leader !== true) throw notLeader();
    if (hold !== null && hold.untilMs > Date.now()) throw held();
    if (!this.#peers.areSettled(duty.peers)) throw unsettled("not carried out");
  }

  /**
   * Wrong passwords are counted beside the records also while no changes are taken, by the leader
   * alone. @throws Refused unless this HSM leads and goes on leading.
   */
  verifyJudgesLogins(): void {
    this.#leading();
  }

  /** As `verifyTakesChanges`, to be told. */
  takesChanges(): boolean {
    try {
      this.verifyTakesChanges();
      return true;
    } catch (error) {
      if (error instanceof Refused) return false;
      throw error;
    }
  }

  /**
   * Before an operation that may change something: asks peers of which nothing is known yet, after
   * an order or at this object's start, where they stand. Digests of lines that are strange to each
   * other are equal now, and would not be after the change.
   */
  async settle(): Promise<void> {
    const duty = readLocal(this.#rows, "duty");
    if (duty?.leader !== true || this.#peers.areSettled(duty.peers)) return;
    await this.#peers.push(this.#location(), duty.peers);
  }

  /** After a change: it is on every peer. @throws Refused where it is not. */
  async replicate(): Promise<void> {
    await reached("write_committed", this.#deployment, this.#storage);
    const peers = readLocal(this.#rows, "duty")?.peers ?? [];
    if (!(await this.#peers.push(this.#location(), peers))) throw unsettled("carried out");
    await reached("write_replicated", this.#deployment, this.#storage);
  }

  async hold(holder: string): Promise<null> {
    const location = this.#location();
    const { peers } = this.#leading();
    this.#holdOn(holder);
    await reached("hsm_held", this.#deployment, this.#storage);
    // No change comes after the hold, so the push behind it leaves no peer without one.
    if (!(await this.#peers.push(location, peers))) throw unsettled("not carried out");
    return null;
  }

  release(holder: string): null {
    this.#location();
    const hold = readLocal(this.#rows, "hold");
    if (hold !== null && hold.untilMs !== null && hold.holder === holder) {
      deleteLocal(this.#rows, "hold");
    }
    return null;
  }

  async bringUp(peer: HsmLocation): Promise<ComparedPeer> {
    this.#leading();
    const compared = await this.#peers.bringUp(this.#location(), peer);
    if (compared === null) throw offLine();
    // What is left to do takes as long again as there was, however long this took.
    if (readLocal(this.#rows, "hold")?.holder === peer.hsmId) this.#holdOn(peer.hsmId);
    await reached("hsm_brought_up", this.#deployment, this.#storage);
    return compared;
  }

  async serve({ joining, obeyed, ...duty }: ServiceOrder): Promise<null> {
    const location = this.#location();
    verifyObeyed(this.#rows, obeyed);
    if (!duty.leader) return this.#follow(duty);
    this.#storage.transactionSync(() => {
      this.#verifyInOrder(duty.number);
      if (joining !== null) this.#leading();
      if (joining !== null && !this.#isOnLine(joining)) throw offLine();
      if (readLocal(this.#rows, "duty")?.leader !== true) {
        beginHistory(this.#rows);
        this.#peers.forget();
      }
      writeLocal(this.#rows, "duty", duty);
    });
    this.#peers.forget(duty.peers);
    if (joining !== null) {
      this.#peers.note(joining);
      await reached("hsm_joined", this.#deployment, this.#storage);
    }
    // The fence: whatever was written since the digests were compared is on the peer that joins, or
    // the peer is reported, before anybody hears that it has joined.
    const isSettled = await this.#peers.push(location, duty.peers);
    if (joining !== null && (!isSettled || this.#peers.isReported(joining.hsmId))) {
      this.#withdraw(duty, joining);
      throw behind();
    }
    if (!isSettled) throw unsettled("not carried out");
    // Unless a later order has come meanwhile: what holds then is of its making.
    if (this.#isLatest(duty.number)) deleteLocal(this.#rows, "hold");
    return null;
  }

  async retire(number: number): Promise<null> {
    const location = this.#location();
    this.#storage.transactionSync(() => {
      this.#verifyInOrder(number);
      const duty = readLocal(this.#rows, "duty") ?? { leader: false, peers: [] };
      writeLocal(this.#rows, "duty", { ...duty, number });
      writeLocal(this.#rows, "hold", { holder: "", untilMs: null });
    });
    await reached("hsm_retired", this.#deployment, this.#storage);
    const duty = readLocal(this.#rows, "duty");
    if (duty === null || duty.peers.length === 0) return null;
    this.#peers.forget(); // Where a peer was last heard of proves nothing of where it stands.
    if (!(await this.#peers.push(location, duty.peers))) throw unsettled("not carried out");
    // A peer may lead from here on: asked again, this HSM must not measure it by its own state.
    if (this.#isLatest(number)) writeLocal(this.#rows, "duty", { ...duty, peers: [] });
    return null;
  }

  /** One that led until now gives its peers what it acknowledged before it forgets them. */
  async #follow(duty: ServiceDuty): Promise<null> {
    const known = readLocal(this.#rows, "duty");
    if (known?.leader === true && known.peers.length > 0) await this.retire(duty.number);
    this.#storage.transactionSync(() => {
      this.#verifyInOrder(duty.number);
      writeLocal(this.#rows, "duty", { ...duty, peers: [] });
      deleteLocal(this.#rows, "hold");
    });
    return null;
  }

  #holdOn(holder: string): void {
    const untilMs = Date.now() + this.#deployment.schedule.holdMs;
    writeLocal(this.#rows, "hold", { holder, untilMs });
  }

  /** @throws Refused unless this HSM leads and goes on leading. */
  #leading(): ServiceDuty {
    if (readLocal(this.#rows, "hold")?.untilMs === null) throw leaving();
    const duty = readLocal(this.#rows, "duty");
    if (duty?.leader !== true) throw notLeader();
    return duty;
  }

  /** The peer that could not be brought to where this HSM stands is no peer. */
  #withdraw(duty: ServiceDuty, joining: ComparedPeer): void {
    if (!this.#isLatest(duty.number)) return;
    const peers = duty.peers.filter(({ hsmId }) => hsmId !== joining.hsmId);
    writeLocal(this.#rows, "duty", { ...duty, peers });
  }

  #isOnLine({ history, change }: ComparedPeer): boolean {
    const own = ownPosition(this.#rows);
    return history === own.history && change <= own.change;
  }

  #isLatest(number: number): boolean {
    return readLocal(this.#rows, "duty")?.number === number;
  }

  #verifyInOrder(number: number): void {
    verifyInOrder(this.#rows, number);
  }
}

/** @throws Refused with `order_stale`: the HSM has heard a later order already. */
export function verifyInOrder(rows: HsmRows, number: number): void {
  if (number >= (readLocal(rows, "duty")?.number ?? 0)) return;
  const message = "The HSM has taken a later order than this one. Nothing was changed.";
  throw new Refused({ kind: "conflict", code: "order_stale", message });
}

/**
 * Orders are taken in the turn that is answered, so their numbers never go back, unless the whole database does.
 *
 * @param obeyed - number of the latest order that `Region` has heard to be taken. @throws MemoryChanged.
 */
export function verifyObeyed(rows: HsmRows, obeyed: number): void {
  const isBehind = (readLocal(rows, "duty")?.number ?? 0) < obeyed;
  // A blank one knows of no order, and says what it is by itself.
  if (!isBehind || readLocal(rows, "making") === null) return;
  throw new MemoryChanged("all of it is as it was before");
}

function leaving(): Refused {
  const message =
    "The HSM is being removed and takes no changes any more. Try again: another one may take them.";
  return new Refused({ kind: "unavailable", code: "hsm_leaving", message });
}

function notLeader(): Refused {
  const message = "Another HSM of the cluster takes the changes now. Try again.";
  return new Refused({ kind: "unavailable", code: "not_leader", message });
}

function held(): Refused {
  const message =
    "The HSM takes no changes while another one is brought up beside it. Try again in a moment.";
  return new Refused({ kind: "unavailable", code: "hsm_frozen", message });
}

function offLine(): Refused {
  const message = "The new HSM could not be brought from its backup to where the leader stands.";
  return new Refused({ kind: "conflict", code: "peer_off_line", message });
}

function behind(): Refused {
  const message = "The new HSM missed a write while it joined the others.";
  return new Refused({ kind: "conflict", code: "peer_behind", message });
}

function unsettled(done: "carried out" | "not carried out"): Refused {
  const message =
    done === "carried out"
      ? "The request was carried out, but not all HSMs of the cluster have heard of it yet. Look " +
        "whether it holds before you repeat it."
      : "Nothing was done: not all HSMs of the cluster can be reached. Try again.";
  return new Refused({ kind: "unavailable", code: "peers_unsettled", message });
}
