/**
 * Which HSM of a cluster leads and which follow, and telling them.
 *
 * Spec: docs/STORAGE.md §8. An order and the rows that it follows from share a turn, and its number
 * is higher than any before it. Nobody is told to lead before whoever led has retired.
 */
import type { ComparedPeer, ServiceOrder } from "../contracts/hsm-api.ts";
import type { Result } from "../contracts/result.ts";
import { DONE, failed, type Outcome } from "./clockwork.ts";
import { hsmApi, noteObeyed, obeyedBy, type RegionContext } from "./context.ts";
import { isInCharge } from "./hsms.ts";
import type { HsmRow } from "./rows.ts";

/** Task `cluster_serve`: tells every ACTIVE HSM its part, the leader first. */
export async function serveClusterTask(
  context: RegionContext,
  clusterId: string,
): Promise<Outcome> {
  const { store } = context;
  if (store.activeHsms(clusterId).length === 0) return DONE;
  for (const row of store.hsmsOf(clusterId).filter(isInCharge)) {
    const retired = await retire(context, row);
    if (!retired.ok) return failed(retired.refusal);
  }
  const [leader, ...peers] = handOver(context, clusterId);
  if (leader === undefined) return DONE;
  const number = store.nextOrderNumber(clusterId);
  const led = await tellToLead(context, leader, { number, peers, joining: null });
  if (!led.ok) return failed(led.refusal);
  for (const peer of peers) {
    const order = { number, leader: false, peers: [], joining: null };
    const told = await tell(context, peer, order);
    if (!told.ok) return failed(told.refusal);
  }
  clearReport(context, clusterId);
  return DONE;
}

/** The ACTIVE HSMs. From this turn on those that are leaving are no longer in charge. */
function handOver(context: RegionContext, clusterId: string): HsmRow[] {
  const { store } = context;
  const active = store.activeHsms(clusterId);
  if (active.length === 0) return [];
  for (const row of store.hsmsOf(clusterId).filter(isInCharge)) {
    store.updateHsm(row.hsmId, { joined: 0 });
  }
  return active;
}

/** It takes no changes any more, and every ACTIVE HSM has what it acknowledged. */
export function retire(context: RegionContext, row: HsmRow): Promise<Result<null>> {
  return hsmApi(context, row).retire(context.store.nextOrderNumber(row.clusterId));
}

/** What a leader is told beside that it leads. */
interface Lead {
  readonly number: number;
  readonly peers: readonly HsmRow[];
  readonly joining: ComparedPeer | null;
}

export function tellToLead(
  context: RegionContext,
  leader: HsmRow,
  { number, peers, joining }: Lead,
): Promise<Result<null>> {
  const locations = peers.map((peer) => context.store.hsmLocation(peer));
  return tell(context, leader, { number, leader: true, peers: locations, joining });
}

async function tell(
  context: RegionContext,
  row: HsmRow,
  order: Omit<ServiceOrder, "obeyed">,
): Promise<Result<null>> {
  const told = await hsmApi(context, row).serve({ ...order, obeyed: obeyedBy(context, row) });
  if (told.ok) noteObeyed(context, row, order.number);
  return told;
}

const NOT_TOLD = "The HSMs could not be told of a change yet:";

export function reportCluster(context: RegionContext, clusterId: string, reason: string): void {
  const stateMessage = `${NOT_TOLD} ${reason}`.slice(0, 300);
  context.store.updateCluster(clusterId, { stateMessage });
}

/** They are told: what `reportCluster` said is over. */
function clearReport({ store }: RegionContext, clusterId: string): void {
  if (!store.cluster(clusterId)?.stateMessage.startsWith(NOT_TOLD)) return;
  store.updateCluster(clusterId, { stateMessage: "" });
}
