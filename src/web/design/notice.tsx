/**
 * A message that stands out: refused, beware, good, or a note. Never colour alone: icon and title
 * too.
 */
import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icons.tsx";

export type Tone = "bad" | "warn" | "good" | "note";

const ICON: Readonly<Record<Tone, IconName>> = {
  bad: "refused",
  warn: "warn",
  good: "held",
  note: "note",
};

/** @param props.loud - announced at once by screen readers: for answers to what was just done. */
export function Notice(props: {
  tone: Tone;
  title: string;
  loud?: boolean;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class={`notice ${props.tone}`} role={props.loud === true ? "alert" : undefined}>
      <Icon name={ICON[props.tone]} />
      <div class="notice-body">
        <strong>{props.title}</strong>
        {props.children}
      </div>
    </div>
  );
}
