/**
 * The chain of checks: one link per check, closed when it holds, broken where it fails.
 */
import type { JSX } from "preact";

export type LinkState = "waiting" | "running" | "held" | "failed" | "skipped" | "unreached";

export interface Link {
  readonly id: string;
  readonly name: string;
  readonly state: LinkState;
  readonly detail: string;
  /** 0 to 1 while the check runs, null where there is nothing to count. */
  readonly progress: number | null;
}

const SPOKEN: Readonly<Record<LinkState, string>> = {
  waiting: "waiting",
  running: "checking",
  held: "holds",
  failed: "failed",
  skipped: "not needed",
  unreached: "not reached",
};

/** A link seen from the front; a failed one is parted at the side. */
function LinkShape(props: { state: LinkState }): JSX.Element {
  const whole = "M12 2.5a8 8 0 0 1 8 8v15a8 8 0 0 1-16 0v-15a8 8 0 0 1 8-8z";
  const parted = "M4 21v4.5a8 8 0 0 0 16 0v-15a8 8 0 0 0-15.3-3.3";
  return (
    <svg
      width="24"
      height="36"
      viewBox="0 0 24 36"
      fill="none"
      stroke="currentColor"
      aria-hidden="true"
    >
      <path
        d={props.state === "failed" ? parted : whole}
        stroke-width="4"
        stroke-linecap="round"
        stroke-dasharray={props.state === "skipped" ? "1 6" : undefined}
      />
    </svg>
  );
}

function Bar(props: { part: number; label: string }): JSX.Element {
  return (
    <span
      class="bar"
      role="progressbar"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(props.part * 100)}
    >
      <span style={{ transform: `scaleX(${props.part})` }} />
    </span>
  );
}

export function Chain(props: { links: readonly Link[] }): JSX.Element {
  return (
    <ol class="chain">
      {props.links.map((link) => (
        <li key={link.id} class={link.state} data-check={link.id} data-state={link.state}>
          <span class="link">
            <LinkShape state={link.state} />
          </span>
          <div>
            <span class="what">{link.name}</span> <span class="state">{SPOKEN[link.state]}</span>
            <div class="small soft">{link.detail}</div>
            {link.progress === null ? null : <Bar part={link.progress} label={link.name} />}
          </div>
        </li>
      ))}
    </ol>
  );
}
