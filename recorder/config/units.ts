// Sizes and durations as people write them ("10 GiB", "1h 30m"), normalised to the unit that the key's name ends with.
const sizeUnits: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

const durationUnitsMs: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Whole bytes, or null where the text is not a size. A bare number is bytes. */
export function parseSize(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(text);
  if (match === null) return null;
  const factor = match[2] === "" ? 1 : sizeUnits[(match[2] ?? "").toLowerCase()];
  if (factor === undefined) return null;
  const bytes = Number(match[1]) * factor;
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : null;
}

/** Milliseconds, or null where the text is not a duration. Each number needs its unit: ms, s, m, h or d. */
export function parseDurationMs(text: string): number | null {
  if (!/^\s*(\d+(?:\.\d+)?\s*(ms|s|min|m|h|d)\s*)+$/.test(text)) return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)/g)) {
    total += Number(amount) * (durationUnitsMs[unit ?? ""] ?? Number.NaN);
  }
  return Number.isFinite(total) ? total : null;
}

type Unit = "bytes" | "seconds" | "ms";

function unitOf(key: string): Unit | null {
  if (key.endsWith("Bytes")) return "bytes";
  if (key.endsWith("Seconds")) return "seconds";
  return key.endsWith("Ms") ? "ms" : null;
}

/** What a key's text may look like, for error messages; null for keys without a unit. */
export function unitExample(key: string): string | null {
  const unit = unitOf(key);
  if (unit === "bytes") return 'a size such as 268435456 or "256 MiB"';
  return unit === null ? null : 'a duration such as "90s", "15m" or "4h"';
}

/** The number that a text stands for under this key, or null where it is none. */
export function readUnit(key: string, text: string): number | null {
  const unit = unitOf(key);
  if (unit === null) return null;
  if (unit === "bytes") return parseSize(text);
  const bare = /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : null;
  if (bare !== null) return bare;
  const ms = parseDurationMs(text);
  if (ms === null || unit === "ms") return ms;
  return ms / 1000;
}

/** Replaces texts under `…Bytes`, `…Seconds` and `…Ms` keys, at any depth, by numbers; leaves what it cannot read. */
export function normaliseUnits(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normaliseUnits);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (typeof inner !== "string") return [key, normaliseUnits(inner)];
      return [key, readUnit(key, inner) ?? inner];
    }),
  );
}

/** In decimal units, as the portal writes them. */
export function formatSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let index = 0;
  // What would be rounded to 1000 is one of the next unit.
  while (value >= (index === 0 ? 1000 : 999.5) && index < units.length - 1) {
    value /= 1000;
    index++;
  }
  return index === 0 ? `${bytes} B` : `${value.toFixed(value < 9.95 ? 1 : 0)} ${units[index]}`;
}
