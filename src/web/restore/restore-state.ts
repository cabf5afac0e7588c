/**
 * Where the restore tool stands, and the moves between its steps. No stage holds key material.
 */
import type {
  Answer,
  CheckId,
  CheckReport,
  OpenedBackup,
  ShownContents,
  ShownRefusal,
  ShownSession,
} from "../engine/shown.ts";
import type { ChosenBackup, ChosenKit } from "./choose.tsx";

export interface RestoreState {
  readonly stage: "choose" | "verify" | "inside";
  readonly backup: ChosenBackup | null;
  readonly kit: ChosenKit | null;
  /** To a challenge, or why there is none; null: it was not asked for. */
  readonly answer: Answer<string> | null;
  readonly reports: ReadonlyMap<CheckId, CheckReport>;
  readonly refusal: ShownRefusal | null;
  /** Null until the whole chain of checks holds. */
  readonly opened: OpenedBackup | null;
  readonly session: ShownSession | null;
}

export const START: RestoreState = {
  stage: "choose",
  backup: null,
  kit: null,
  answer: null,
  reports: new Map(),
  refusal: null,
  opened: null,
  session: null,
};

export type Move =
  | { readonly to: "backup"; readonly backup: ChosenBackup | null }
  | { readonly to: "kit"; readonly kit: ChosenKit | null }
  | { readonly to: "answered"; readonly answer: Answer<string> }
  | { readonly to: "verify" }
  | { readonly to: "report"; readonly report: CheckReport }
  | { readonly to: "refused"; readonly refusal: ShownRefusal }
  | { readonly to: "opened"; readonly opened: OpenedBackup }
  | { readonly to: "inside" }
  | { readonly to: "contents"; readonly contents: ShownContents }
  | { readonly to: "session"; readonly session: ShownSession | null }
  | { readonly to: "choose" }
  | { readonly to: "start" };

export function moved(state: RestoreState, move: Move): RestoreState {
  switch (move.to) {
    case "backup":
      return { ...state, backup: move.backup, answer: null };
    case "kit":
      return { ...state, kit: move.kit, answer: null };
    case "answered":
      return { ...state, answer: move.answer };
    case "verify":
      return { ...state, stage: "verify", reports: new Map(), refusal: null, opened: null };
    case "report":
      return { ...state, reports: new Map(state.reports).set(move.report.check, move.report) };
    case "refused":
      return { ...state, refusal: move.refusal, opened: null };
    case "opened":
      return { ...state, opened: move.opened };
    case "inside":
      return { ...state, stage: "inside" };
    case "contents":
      if (state.opened === null) return state;
      return { ...state, opened: { ...state.opened, contents: move.contents } };
    case "session":
      return { ...state, session: move.session };
    case "choose":
      return { ...START, backup: state.backup, kit: state.kit };
    case "start":
      return START;
  }
}
