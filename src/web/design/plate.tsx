/**
 * Facts as pairs: the plate of one thing, a plain list, and a digest that people can compare.
 */
import type { ComponentChildren, JSX } from "preact";
import { CopyButton } from "./copy-button.tsx";

export interface Fact {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly wide?: boolean;
}

export function Plate(props: { facts: readonly Fact[] }): JSX.Element {
  return (
    <dl class="plate">
      {props.facts.map((fact) => (
        <div key={fact.name} class={fact.wide === true ? "wide" : undefined}>
          <dt>{fact.name}</dt>
          <dd>{fact.value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Facts(props: { facts: readonly Fact[] }): JSX.Element {
  return (
    <dl class="facts">
      {props.facts.map((fact) => (
        <>
          <dt key={`${fact.name} name`}>{fact.name}</dt>
          <dd key={`${fact.name} value`}>{fact.value}</dd>
        </>
      ))}
    </dl>
  );
}

/** Hex in groups of eight, so that two can be compared by eye; copied without the gaps. */
export function Digest(props: { hex: string; label: string }): JSX.Element {
  if (props.hex === "") return <span class="soft">none</span>;
  return (
    <span class="digest">
      <span class="digest-groups">
        {props.hex.match(/.{1,8}/g)?.map((group, index) => (
          <span key={`${index} ${group}`}>{group}</span>
        ))}
      </span>
      <CopyButton text={props.hex} label={props.label} />
    </span>
  );
}
