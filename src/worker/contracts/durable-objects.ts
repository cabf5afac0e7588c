/**
 * The Durable Objects of a deployment, each as the sum of its faces.
 *
 * Plain interfaces instead of the platform's stubs, so that nobody who calls an object imports its
 * class, and methods keep their generics.
 */
import type { ControlApi } from "./control-api.ts";
import type { DataApi } from "./data-plane.ts";
import type { HsmApi } from "./hsm-api.ts";
import type { PeerApi } from "./peer-api.ts";
import type { Place } from "./place.ts";
import type { HsmNotesApi, RegionApi } from "./region-api.ts";

/** A namespace of objects that answer to `Api`. */
export interface Namespace<Api> {
  idFromName(name: string): DurableObjectId;
  get(id: DurableObjectId): Api;
}

export type HsmObject = HsmApi & PeerApi & DataApi;

export interface RegionObject extends ControlApi, RegionApi, HsmNotesApi {
  /** The watchdog's call: sets the alarm again if something has been due for too long. */
  watch(): Promise<void>;
}

/** The list of regions in use. */
export interface RegistryObject {
  /** Harmless when repeated. */
  register(place: Place): Promise<void>;
  regions(): Promise<Place[]>;
}
