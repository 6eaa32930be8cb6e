// RFC 3339 times brought to one form, UTC with six decimals, so that they compare as text.

const pattern = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i;

/** Throws RangeError on anything else. */
export function toStoredTime(time: string): string {
  const match = pattern.exec(time);
  if (match === null) throw new RangeError("not an RFC 3339 time");
  const [, date = "", clock = "", fraction = "", zone = "Z"] = match;
  const second = new Date(`${date}T${clock}${zone.toUpperCase()}`);
  if (Number.isNaN(second.getTime())) throw new RangeError("not a time that exists");
  return `${second.toISOString().slice(0, 19)}.${fraction.padEnd(6, "0").slice(0, 6)}Z`;
}
