/**
 * What a fault is to the plan of a mutant.
 */
import type { Random } from "../../lib/random.ts";
import type { Plan } from "./plan.ts";

/** Puts one change into a plan. */
export type Fault = (plan: Plan, random: Random) => void;

/** By name, with how often each is met. */
export type Faults = readonly (readonly [weight: number, name: string, fault: Fault])[];
