/**
 * Tabs as the ARIA practices describe them: arrows move, the panel follows.
 */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

export interface Tab<Id extends string> {
  readonly id: Id;
  readonly label: string;
  readonly count?: number;
}

const STEP: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1 };

export function Tabs<Id extends string>(props: {
  label: string;
  tabs: readonly Tab<Id>[];
  current: Id;
  onChange: (id: Id) => void;
  children: ComponentChildren;
}): JSX.Element {
  const base = useId();
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = STEP[event.key];
    if (step === undefined) return;
    const from = props.tabs.findIndex((tab) => tab.id === props.current);
    const next = props.tabs[(from + step + props.tabs.length) % props.tabs.length];
    if (next === undefined) return;
    event.preventDefault();
    props.onChange(next.id);
    document.getElementById(`${base}-${next.id}`)?.focus();
  };
  return (
    <div class="stack">
      <div class="tabs" role="tablist" aria-label={props.label} onKeyDown={onKeyDown}>
        {props.tabs.map((tab) => (
          <button
            key={tab.id}
            id={`${base}-${tab.id}`}
            type="button"
            role="tab"
            class="tab"
            aria-selected={tab.id === props.current}
            aria-controls={`${base}-panel`}
            tabIndex={tab.id === props.current ? 0 : -1}
            onClick={() => props.onChange(tab.id)}
          >
            {tab.label}
            {tab.count === undefined ? null : (
              <span class="count">{tab.count.toLocaleString("en")}</span>
            )}
          </button>
        ))}
      </div>
      <div id={`${base}-panel`} role="tabpanel" aria-labelledby={`${base}-${props.current}`}>
        {props.children}
      </div>
    </div>
  );
}
