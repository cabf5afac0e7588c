/**
 * What every state of a page must keep: named controls, unique ids, readable contrast, no sideways
 * scrolling. Run inside the page; each problem is a sentence.
 */
import type { Page } from "playwright-core";

/** Runs in the page: nothing from outside is in scope. */
function problemsInPage(): string[] {
  const problems: string[] = [];
  const isShown = (element: Element): boolean =>
    element.getClientRects().length > 0 && getComputedStyle(element).visibility !== "hidden";
  const nameOf = (element: Element): string => {
    const byIds = (element.getAttribute("aria-labelledby") ?? "")
      .split(/\s+/)
      .map((id) => (id === "" ? "" : (document.getElementById(id)?.textContent ?? "")))
      .join(" ");
    const labels =
      element instanceof HTMLInputElement ||
      element instanceof HTMLSelectElement ||
      element instanceof HTMLTextAreaElement
        ? [...(element.labels ?? [])].map((label) => label.textContent ?? "").join(" ")
        : (element.textContent ?? "");
    return `${element.getAttribute("aria-label") ?? ""} ${byIds} ${labels}`.trim();
  };
  const controls =
    "input, select, textarea, button, a[href], dialog, [role=tab], [role=progressbar]";
  for (const element of document.querySelectorAll(controls)) {
    if (nameOf(element) === "") problems.push(`no name: ${element.outerHTML.slice(0, 120)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of ids) {
    if (ids.indexOf(id) !== ids.lastIndexOf(id)) problems.push(`id used twice: ${id}`);
  }
  for (const element of document.querySelectorAll("[aria-controls], [aria-describedby]")) {
    const names = ["aria-controls", "aria-describedby"].map((name) => element.getAttribute(name));
    for (const id of names.join(" ").trim().split(/\s+/)) {
      if (document.getElementById(id) === null) problems.push(`names no element: ${id}`);
    }
  }
  if (document.querySelectorAll("h1").length !== 1) problems.push("not exactly one h1");
  if (document.documentElement.lang === "") problems.push("no language");
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) problems.push(`scrolls sideways by ${scrollWidth - clientWidth}`);

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (css: string): number[] => {
    if (canvas === null) return [0, 0, 0, 1];
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((value) => value / 255);
  };
  const luminance = (colour: number[]): number => {
    const [r = 0, g = 0, b = 0] = colour.map((value) =>
      value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (element: Element | null): number[] => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if ((colour[3] ?? 0) > 0.95) return colour;
    }
    return [1, 1, 1, 1];
  };
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && (node.textContent ?? "").trim() !== "",
    );
    const isOff = element.closest("[disabled], [aria-disabled=true], .unseen, .skip, noscript");
    if (!hasText || isOff !== null || !isShown(element)) continue;
    const style = getComputedStyle(element);
    const text = luminance(rgba(style.color));
    const ground = luminance(backgroundOf(element));
    const ratio = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) {
      problems.push(`contrast ${ratio.toFixed(2)}: "${element.textContent?.slice(0, 40)}"`);
    }
  }
  return problems;
}

/** Everything wrong with the page as it stands; an empty list is good. */
export async function pageProblems(page: Page): Promise<string[]> {
  return await page.evaluate(problemsInPage);
}
