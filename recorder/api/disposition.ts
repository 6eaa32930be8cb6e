// Content-Disposition for downloads (RFC 6266): whatever the name holds, it cannot break out of the header, nor look like
// another one: changes of direction go.

export function attachment(fileName: string): string {
  const clean = fileName
    .replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\\/"]/gu, "_")
    .slice(0, 200);
  const ascii = clean.replace(/[^\x20-\x7e]/g, "_").replaceAll("%", "_");
  const encoded = encodeURIComponent(clean).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return ascii === clean
    ? `attachment; filename="${ascii}"`
    : `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
