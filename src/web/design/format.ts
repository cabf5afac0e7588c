/**
 * Numbers, sizes and times as people read them; times in UTC, because a bad day may span zones.
 */
const SIZES = ["bytes", "KiB", "MiB", "GiB"] as const;

export function sizeText(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(3, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  const digits = power === 0 ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)} ${SIZES[power] ?? ""}`;
}

export function countText(count: number, one: string, many: string): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

export function timeText(ms: number): string {
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return "not a time";
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

export function dateText(ms: number): string {
  return timeText(ms).slice(0, 10);
}
