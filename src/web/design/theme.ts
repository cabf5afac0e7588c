/**
 * Light or dark: what the system asks for, until the button says otherwise.
 *
 * The choice lives as long as the page; nothing is stored.
 */
import { useEffect, useState } from "preact/hooks";

export type Theme = "light" | "dark";

const systemDark = (): MediaQueryList => matchMedia("(prefers-color-scheme: dark)");

function show(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
}

/** Sets the system's theme before the first paint. */
export function showSystemTheme(): void {
  show(systemDark().matches ? "dark" : "light");
}

/** The theme in force and a function that turns it over. */
export function useTheme(): [Theme, () => void] {
  const [chosen, choose] = useState<Theme | null>(null);
  const [dark, setDark] = useState(systemDark().matches);
  useEffect(() => {
    const query = systemDark();
    const follow = (): void => setDark(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  const theme = chosen ?? (dark ? "dark" : "light");
  useEffect(() => show(theme), [theme]);
  return [theme, () => choose(theme === "dark" ? "light" : "dark")];
}
