/**
 * Policies and configuration of the restored cluster, as named settings.
 */
import type { JSX } from "preact";
import { Facts } from "../design/plate.tsx";
import type { ShownContents, ShownSetting } from "../engine/shown.ts";

function Group(props: { title: string; settings: readonly ShownSetting[] }): JSX.Element {
  return (
    <section class="panel stack">
      <h3>{props.title}</h3>
      {props.settings.length === 0 ? (
        <p class="soft">Nothing is set.</p>
      ) : (
        <Facts
          facts={props.settings.map(({ name, value }) => ({
            name,
            value: value.includes("\n") ? <pre class="pem">{value}</pre> : value,
          }))}
        />
      )}
    </section>
  );
}

export function Settings(props: { contents: ShownContents }): JSX.Element {
  return (
    <div class="stack">
      <Group title="Policies" settings={props.contents.policies} />
      <Group title="Configuration" settings={props.contents.configuration} />
    </div>
  );
}
