import { defineConfig, type Plugin } from "vite";

/**
 * The recording page is its own part of the program, but a link to a recording should not learn of it only when the main
 * part runs: the page names it and its style, so that all are on the way at once.
 */
function preloadRecordingPage(): Plugin {
  return {
    name: "preload-recording-page",
    transformIndexHtml: {
      order: "post",
      handler(_html, { bundle }) {
        const page = Object.values(bundle ?? {}).find((file) => file.type === "chunk" && file.name === "page");
        if (page?.type !== "chunk") return [];
        const styles = [...(page.viteMetadata?.importedCss ?? [])];
        const entry = Object.values(bundle ?? {}).find((file) => file.type === "chunk" && file.isEntry);
        const known = new Set(entry?.type === "chunk" ? [entry.fileName, ...entry.imports] : []);
        const parts = [page.fileName, ...page.imports].filter((file) => !known.has(file));
        return [
          ...parts.map((file) => ({
            tag: "link",
            attrs: { rel: "modulepreload", crossorigin: true, href: `/${file}` },
            injectTo: "head" as const,
          })),
          ...styles.map((file) => ({
            tag: "link",
            attrs: { rel: "preload", as: "style", crossorigin: true, href: `/${file}` },
            injectTo: "head" as const,
          })),
        ];
      },
    },
  };
}

export default defineConfig({
  root: new URL(".", import.meta.url).pathname,
  base: "/",
  plugins: [preloadRecordingPage()],
  build: {
    outDir: "../dist/replay-ui",
    emptyOutDir: true,
    target: "es2022",
    // A strict content security policy forbids data: URLs and inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What every page is made of comes in one piece, not in as many as pages share different parts of it.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            {
              name: "shell",
              test: /node_modules\/preact\/|replay-ui\/(?:store|router|account|theme|waiting)\.ts|replay-ui\/api\/(?:client|quick-checks)\.ts|replay-ui\/components\/(?:states|icons|menu|dialog|state-badge|protocol-tag|fresh-code)\.tsx|replay-ui\/format\.ts|replay-ui\/views\/mfa\/code-field\.tsx/,
            },
          ],
        },
      },
    },
    sourcemap: false,
    reportCompressedSize: true,
  },
  server: { host: "127.0.0.1" },
});
