/**
 * The mark and the few icons, drawn in place: no file is fetched and no font is needed.
 */
import type { JSX } from "preact";

const PATHS = {
  key: "M8 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 11l9 9M15.5 15.5l2.5-2.5M18.5 18.5l2-2",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  sun:
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v2M12 19v2M3 12h2M19 12h2" +
    "M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4",
  moon: "M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5z",
  close: "M6 6l12 12M18 6L6 18",
  warn: "M12 4 2.8 20h18.4zM12 10v4.5M12 17.5v.01",
  held: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8 12.3l2.8 2.7L16 9.5",
  refused: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 9l6 6M15 9l-6 6",
  note: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.5M12 7.5v.01",
  up: "M7 14l5-5 5 5",
  down: "M7 10l5 5 5-5",
  either: "M8 9.5 12 5.5l4 4M8 14.5l4 4 4-4",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  save: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14",
  offline:
    "M3 3l18 18M8.5 15.5a5 5 0 0 1 6 0M5.5 12a9.5 9.5 0 0 1 3.7-2.2M18.5 12a9.5 9.5 0 0 0-4.5-2.4" +
    "M2.5 8.5A14 14 0 0 1 7 6M21.5 8.5a14 14 0 0 0-10.3-3.7M12 19v.01",
} as const;

export type IconName = keyof typeof PATHS;

/** A line icon of 20 pixels in the colour of the text; decoration only, so hidden from readers. */
export function Icon(props: { name: IconName; size?: number }): JSX.Element {
  const size = props.size ?? 20;
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[props.name]} />
    </svg>
  );
}

/** The mark: an anchor in the ring of a vault door. */
export function Mark(props: { size: number }): JSX.Element {
  return (
    <svg width={props.size} height={props.size} viewBox="0 0 64 64" aria-hidden="true">
      <g fill="none" stroke-linecap="round" stroke-linejoin="round">
        <circle cx="32" cy="32" r="25" stroke="var(--brass)" stroke-width="3" />
        <path stroke="var(--brass)" stroke-width="3" d="M32 7V3M32 61v-4M7 32H3M61 32h-4" />
        <g stroke="currentColor" stroke-width="3.5">
          <circle cx="32" cy="21" r="5" />
          <path d="M32 26v23M25 31.5h14M19 38.5c.9 7 6.2 10.5 13 10.5s12.1-3.5 13-10.5" />
        </g>
      </g>
    </svg>
  );
}
