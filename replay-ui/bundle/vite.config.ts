// Builds the page of evidence bundles: one HTML file with everything in it, opened from a disk without a network. Its
// security policy names its one script and its one style by their hashes.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const sourceOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

function inOneFile(): Plugin {
  return {
    name: "in-one-file",
    enforce: "post",
    generateBundle(_options, bundle) {
      const parts = Object.values(bundle);
      const scripts = parts.flatMap((part) => (part.type === "chunk" ? [part.code] : []));
      const styles = parts.flatMap((part) =>
        part.type === "asset" && part.fileName.endsWith(".css") ? [String(part.source)] : [],
      );
      const [script] = scripts;
      if (script === undefined || scripts.length + styles.length !== parts.length || scripts.length !== 1) {
        throw new Error(
          `the page of bundles is not one script and styles: ${parts.map((part) => part.fileName).join(", ")}`,
        );
      }
      // Within HTML these would end the script, or begin a state in which it does not end.
      const code = script
        .replaceAll("</script", "<\\/script")
        .replaceAll("<!--", "<\\!--")
        // Nothing is left to be loaded beside a part of the program: it is all here.
        .replaceAll("__VITE_PRELOAD__", "[]");
      const style = styles.join("\n");
      const policy = [
        "default-src 'none'",
        // data/*.js stand beside the page. The terminal is WebAssembly; no other evaluation of text is allowed.
        `script-src ${sourceOf(code)} 'self' file: 'wasm-unsafe-eval'`,
        `style-src ${sourceOf(style)}`,
        "img-src data: blob:",
        "font-src data:",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
      ].join("; ");
      for (const name of Object.keys(bundle)) delete bundle[name];
      const html = readFileSync(here("player.html"), "utf8")
        .replace("POLICY", () => policy)
        .replace("/* STYLE */", () => style)
        .replace("/* SCRIPT */", () => code);
      this.emitFile({ type: "asset", fileName: "player.html", source: html });
    },
  };
}

export default defineConfig({
  root: here("."),
  plugins: [inOneFile()],
  resolve: { alias: [{ find: /^\.\/start-worker\.ts$/, replacement: here("start-worker.ts") }] },
  worker: { format: "iife" },
  build: {
    outDir: here("../../dist/bundle"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: Number.MAX_SAFE_INTEGER,
    cssCodeSplit: false,
    modulePreload: false,
    rolldownOptions: {
      input: here("main.tsx"),
      output: { format: "es", codeSplitting: false },
    },
    sourcemap: false,
    reportCompressedSize: false,
  },
});
