/**
 * The frame of every page: band with the mark, steps where there are any, main part, foot.
 */
import type { ComponentChildren, JSX } from "preact";
import { Icon, Mark } from "./icons.tsx";
import { useTheme } from "./theme.ts";

/** @param props.current - index of the step in hand; those before it are done. */
export function Steps(props: { names: readonly string[]; current: number }): JSX.Element {
  return (
    <ol class="steps" aria-label="Steps">
      {props.names.map((name, index) => (
        <li
          key={name}
          class={index < props.current ? "done" : undefined}
          aria-current={index === props.current ? "step" : undefined}
        >
          {name}
        </li>
      ))}
    </ol>
  );
}

export function Shell(props: {
  subtitle: string;
  home?: string;
  actions?: ComponentChildren;
  steps?: ComponentChildren;
  foot?: ComponentChildren;
  children: ComponentChildren;
}): JSX.Element {
  const [theme, turnTheme] = useTheme();
  const brand = (
    <>
      <Mark size={36} />
      <span>Holdfast</span>
      <small>{props.subtitle}</small>
    </>
  );
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="band">
        <div class="band-inner">
          <div class="band-top">
            {props.home === undefined ? (
              <span class="brand">{brand}</span>
            ) : (
              <a class="brand" href={props.home}>
                {brand}
              </a>
            )}
            <div class="row push">
              {props.actions}
              <button type="button" class="button compact" onClick={turnTheme}>
                <Icon name={theme === "dark" ? "sun" : "moon"} size={16} />
                <span class="unseen">{theme === "dark" ? "Light theme" : "Dark theme"}</span>
              </button>
            </div>
          </div>
          {props.steps}
        </div>
      </header>
      <main id="main" class="page" tabIndex={-1}>
        {props.children}
      </main>
      <footer class="foot">
        <div class="foot-inner">{props.foot}</div>
      </footer>
    </>
  );
}
