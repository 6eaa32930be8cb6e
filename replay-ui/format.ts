// How times, sizes and counts are written for people.
// Written by hand: one form everywhere, 24 hours, no locale data to load before the first picture.
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const two = (value: number) => String(value).padStart(2, "0");

/** `4:03:07`, `3:07`, with tenths `3:07.4`. */
export function formatSessionTime(us: number, options: { tenths?: boolean; hours?: boolean } = {}): string {
  const tenthsTotal = Math.floor(Math.max(0, us) / 100_000);
  const seconds = Math.floor(tenthsTotal / 10);
  const h = Math.floor(seconds / 3600);
  const m = Math.floor((seconds % 3600) / 60);
  const s = String(seconds % 60).padStart(2, "0");
  const head = h > 0 || options.hours === true ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
  return options.tenths === true ? `${head}.${tenthsTotal % 10}` : head;
}

/** `4 h 03 min`, `3 min 07 s`, `12 s`, `0.4 s`. */
export function formatDuration(us: number): string {
  const seconds = us / 1e6;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = whole % 60;
  if (h > 0) return `${h} h ${String(m).padStart(2, "0")} min`;
  return m > 0 ? `${m} min ${String(s).padStart(2, "0")} s` : `${s} s`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** `1 file`, `2 files`. */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Begins with a capital letter and ends with a stop. */
export function sentence(text: string): string {
  if (text === "") return text;
  const begun = `${text[0]!.toUpperCase()}${text.slice(1)}`;
  return /[.!?…:]$/.test(begun) ? begun : `${begun}.`;
}

/** `20 Nov 2026, 06:11`, in the viewer's time zone. */
export function formatDateTime(iso: string): string {
  const at = new Date(iso);
  return `${at.getDate()} ${months[at.getMonth()]} ${at.getFullYear()}, ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** `Friday, 20 Nov 2026`. */
export function formatDay(iso: string): string {
  const at = new Date(iso);
  return `${weekdays[at.getDay()]}, ${at.getDate()} ${months[at.getMonth()]} ${at.getFullYear()}`;
}

/** `06:11:42`, in the viewer's time zone. */
export function formatClock(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The day of the viewer's calendar, for grouping. */
export function dayKey(iso: string): string {
  const date = new Date(iso);
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}

export function formatAgo(iso: string, nowMs = Date.now()): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(iso)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} min`;
}
