/**
 * One piece of long work at a time in an isolate, in fair turns: a derivation of a password's
 * verifier, a key that is checked or made, some certificates.
 *
 * docs/HSM.md §2.6. Such work holds the thread that all objects of an isolate share, so the queue
 * is the module's own. Whoever waits looks for itself whether its turn has come: nobody is woken by
 * an object that may be gone, and the place of one that is gone is given on.
 */
import { Refused } from "../contracts/result.ts";

/**
 * What may wait or run: in the isolate, of one access key, of one name with one access key. Each
 * holds a core with 1.5 MiB of memory, of the 128 MiB that production gives an isolate.
 */
interface Bounds {
  readonly inAll: number;
  readonly ofKey: number;
  readonly ofName: number;
}

const POLL_MS = 2;
/** Between two turns, for the events of other objects. */
const YIELD_MS = 1;
/** Not having been heard of for so long, an object is gone. Most turns take about 20 ms. */
const GONE_MS = 2_000;
/** What a derivation takes, roughly, in seconds. */
const DERIVATION_S = 0.12;
/** What an import takes, roughly: one key is done sooner, hundreds of RSA keys later. */
const COMPUTATION_S = 1;

/** Runs one piece of the work when its turn has come. */
type Turn = <T>(piece: () => Promise<T>) => Promise<T>;

type Kind = "derive" | "compute";

/** Those of one kind leave room to the other: no import keeps anybody from logging in. */
const BOUNDS: Readonly<Record<Kind, Bounds>> = {
  derive: { inAll: 32, ofKey: 8, ofName: 4 },
  compute: { inAll: 24, ofKey: 8, ofName: 8 },
};

interface Ticket {
  readonly kind: Kind;
  readonly accessKeyId: string;
  readonly name: string;
  seenMs: number;
}

/** Tickets by access key and by name, both in the order in which their turns come. */
const lines = new Map<string, Map<string, Ticket[]>>();
let running: Ticket | null = null;

/**
 * Where the long work of one request waits.
 *
 * @param accessKeyId - of whoever asks; "" for the service itself, which no bound holds up.
 * @param hsmId - names of different HSMs are different.
 */
export function fairTurnsOf(accessKeyId: string, hsmId: string) {
  const waiting = (kind: Kind) => {
    return <T>(username: string, work: (turn: Turn) => Promise<T>): Promise<T> =>
      inLine({ kind, accessKeyId, name: `${kind} ${hsmId}/${username}`, seenMs: Date.now() }, work);
  };
  return {
    /** @throws Refused with `login_busy`, before anything is derived. */
    derive: waiting("derive"),
    /** @throws Refused with `keys_busy`, before anything is computed. */
    compute: waiting("compute"),
  };
}

async function inLine<T>(ticket: Ticket, work: (turn: Turn) => Promise<T>): Promise<T> {
  for (const other of tickets()) if (isGone(other)) leave(other);
  if (ticket.accessKeyId !== "") verifyRoom(ticket);
  enter(ticket);
  try {
    return await work((piece) => turnOf(ticket, piece));
  } finally {
    leave(ticket);
  }
}

async function turnOf<T>(ticket: Ticket, piece: () => Promise<T>): Promise<T> {
  while (!take(ticket)) await scheduler.wait(POLL_MS);
  try {
    return await piece();
  } finally {
    // Within the turn: the next one would begin before any other object's event otherwise.
    await scheduler.wait(YIELD_MS);
    if (running === ticket) running = null;
  }
}

/** Whether it is this ticket's turn, which it then has. */
function take(ticket: Ticket): boolean {
  ticket.seenMs = Date.now();
  if (running !== null && !isGone(running)) return false;
  running = null;
  if (!tickets().includes(ticket)) enter(ticket); // It was taken for gone.
  const next = tickets().find((waiting) => !isGone(waiting));
  if (next !== ticket) return false;
  running = ticket;
  toTheEnd(ticket);
  return true;
}

/** The first of them is the one whose turn comes next. */
function tickets(): Ticket[] {
  return [...lines.values()].flatMap((names) => [...names.values()].flat());
}

function isGone(ticket: Ticket): boolean {
  return ticket.seenMs + GONE_MS < Date.now();
}

/** The next turn is another access key's, and the next one of this key another name's. */
function toTheEnd({ accessKeyId, name }: Ticket): void {
  const names = lines.get(accessKeyId);
  const waiting = names?.get(name);
  if (names === undefined || waiting === undefined) return;
  names.delete(name);
  names.set(name, waiting);
  lines.delete(accessKeyId);
  lines.set(accessKeyId, names);
}

function enter(ticket: Ticket): void {
  const names = lines.get(ticket.accessKeyId) ?? new Map<string, Ticket[]>();
  names.set(ticket.name, [...(names.get(ticket.name) ?? []), ticket]);
  lines.set(ticket.accessKeyId, names);
}

function leave(ticket: Ticket): void {
  const names = lines.get(ticket.accessKeyId);
  const left = names?.get(ticket.name)?.filter((other) => other !== ticket) ?? [];
  if (left.length > 0) names?.set(ticket.name, left);
  else names?.delete(ticket.name);
  if (names?.size === 0) lines.delete(ticket.accessKeyId);
}

function verifyRoom({ kind, accessKeyId, name }: Ticket): void {
  const bounds = BOUNDS[kind];
  const all = tickets().filter((other) => other.kind === kind);
  const ofKey = all.filter((other) => other.accessKeyId === accessKeyId);
  const ofName = ofKey.filter((other) => other.name === name);
  const isFull =
    all.length >= bounds.inAll || ofKey.length >= bounds.ofKey || ofName.length >= bounds.ofName;
  if (isFull) throw busy(kind, all.length);
}

function busy(kind: Kind, waiting: number): Refused {
  return kind === "derive" ? loginBusy(waiting) : keysBusy(waiting);
}

function loginBusy(waiting: number): Refused {
  const retryAfterS = Math.ceil(waiting * DERIVATION_S);
  const message =
    "Too many passwords are being checked at once, for this user, this access key or in all. " +
    `Nothing was checked. Try again in ${retryAfterS} s.`;
  return new Refused({ kind: "busy", code: "login_busy", message, retryAfterS });
}

function keysBusy(waiting: number): Refused {
  const retryAfterS = Math.ceil(waiting * COMPUTATION_S);
  const message =
    "Too many keys or certificates are being read or made at once, for this access key or in all. " +
    `Nothing was done. Try again in ${retryAfterS} s.`;
  return new Refused({ kind: "busy", code: "keys_busy", message, retryAfterS });
}
