/**
 * Where the restore tool stands, and the moves between its steps. No stage holds key material.
 */
import type {
  BackupFacts,
  CheckId,
  CheckReport,
  Contents,
  Refusal,
  SessionView,
} from "../engine/views.ts";
import type { ChosenBackup, ChosenKit } from "./choose.tsx";

export interface RestoreState {
  readonly stage: "choose" | "verify" | "inside";
  readonly backup: ChosenBackup | null;
  readonly kit: ChosenKit | null;
  readonly reports: ReadonlyMap<CheckId, CheckReport>;
  readonly refusal: Refusal | null;
  readonly facts: BackupFacts | null;
  readonly contents: Contents | null;
  readonly session: SessionView | null;
}

export const START: RestoreState = {
  stage: "choose",
  backup: null,
  kit: null,
  reports: new Map(),
  refusal: null,
  facts: null,
  contents: null,
  session: null,
};

export type Move =
  | { readonly to: "backup"; readonly backup: ChosenBackup | null }
  | { readonly to: "kit"; readonly kit: ChosenKit | null }
  | { readonly to: "verify" }
  | { readonly to: "report"; readonly report: CheckReport }
  | { readonly to: "refused"; readonly refusal: Refusal }
  | { readonly to: "verified"; readonly facts: BackupFacts; readonly contents: Contents }
  | { readonly to: "inside" }
  | { readonly to: "contents"; readonly contents: Contents }
  | { readonly to: "session"; readonly session: SessionView | null }
  | { readonly to: "choose" }
  | { readonly to: "start" };

export function moved(state: RestoreState, move: Move): RestoreState {
  switch (move.to) {
    case "backup":
      return { ...state, backup: move.backup };
    case "kit":
      return { ...state, kit: move.kit };
    case "verify":
      return { ...state, stage: "verify", reports: new Map(), refusal: null, facts: null };
    case "report":
      return { ...state, reports: new Map(state.reports).set(move.report.check, move.report) };
    case "refused":
      return { ...state, refusal: move.refusal, facts: null, contents: null };
    case "verified":
      return { ...state, facts: move.facts, contents: move.contents };
    case "inside":
      return { ...state, stage: "inside" };
    case "contents":
      return { ...state, contents: move.contents };
    case "session":
      return { ...state, session: move.session };
    case "choose":
      return { ...START, backup: state.backup, kit: state.kit };
    case "start":
      return START;
  }
}
