import { defineConfig } from "vite";

export default defineConfig({
  root: new URL(".", import.meta.url).pathname,
  base: "/",
  build: {
    outDir: "../dist/replay-ui",
    emptyOutDir: true,
    target: "es2022",
    // A strict content security policy forbids data: URLs and inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: true,
  },
  server: { host: "127.0.0.1" },
});
