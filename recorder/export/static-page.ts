// Pages that leave with evidence and are read from a disk: HTML that runs nothing and asks nobody.
import { createHash } from "node:crypto";

export interface StaticPage {
  title: string;
  /** CSS: the only style that the page's policy allows. */
  style: string;
  /** HTML below the title; what is not ours in it went through `escapeHtml`. */
  body: string;
}

export function staticPage({ title, style, body }: StaticPage): string {
  const hash = createHash("sha256").update(style).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

/** For HTML. Changes of direction and other controls are named, not passed on: they could make a text look like another. */
export function escapeHtml(value: string): string {
  return value
    .replaceAll(
      /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    )
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
