/**
 * The mark and the few icons, drawn in place: no file is fetched and no font is needed.
 */
import type { JSX } from "preact";

const PATHS = {
  key: "M8 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 11l9 9M15.500 15.500l2.500-2.500M18.500 18.500l2-2",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600 7 7M17 17l1.400 1.400M18.400 5.600 17 7M7 17l-1.400 1.400",
  moon: "M20 14.500A8 8 0 1 1 9.500 4a6.500 6.500 0 0 0 10.500 10.500z",
  close: "M6 6l12 12M18 6L6 18",
  warn: "M12 4 2.800 20h18.400zM12 10v4.500M12 17.500v.01",
  held: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8 12.300l2.800 2.700L16 9.500",
  refused: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 9l6 6M15 9l-6 6",
  note: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.500M12 7.500v.01",
  up: "M7 14l5-5 5 5",
  down: "M7 10l5 5 5-5",
  either: "M8 9.500 12 5.500l4 4M8 14.500l4 4 4-4",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  save: "M12 4v11M7.500 11l4.500 4.500 4.500-4.500M5 20h14",
  offline:
    "M3 3l18 18M8.500 15.500a5 5 0 0 1 6 0M5.500 12a9.500 9.500 0 0 1 3.700-2.200M18.500 12a9.500 9.500 0 0 0-4.500-2.400M2.500 8.500A14 14 0 0 1 7 6M21.500 8.500a14 14 0 0 0-10.300-3.700M12 19v.01",
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
        <g stroke="currentColor" stroke-width="3.500">
          <circle cx="32" cy="21" r="5" />
          <path d="M32 26v23M25 31.500h14M19 38.500c.9 7 6.200 10.500 13 10.500s12.100-3.500 13-10.500" />
        </g>
      </g>
    </svg>
  );
}
