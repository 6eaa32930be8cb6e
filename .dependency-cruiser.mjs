// The layering of the house, checked by `npm run check`. A path may be imported only as the tables below say.
// test/layers/planted holds imports that break each rule; the check fails when one of them goes unseen.

// The store's interface: what those may know who are handed a store.
const STORE_CONTRACT = ["recorder/store/object-store.ts", "recorder/store/keys.ts", "recorder/store/codec.ts"];

// folder → what of our own it may import besides itself
const LAYERS = {
  "shared/": [],
  "recorder/store/": ["shared/"],
  "recorder/siem/": ["shared/"],
  // A line of the ledger is made durable as the spool's small files are; a checkpoint goes to a SIEM as events do.
  "recorder/ledger/": [
    "shared/",
    "recorder/record/durable-file.ts",
    "recorder/siem/rfc5424.ts",
    "recorder/siem/syslog-tls.ts",
    ...STORE_CONTRACT,
  ],
  "recorder/keys/": ["shared/", "recorder/record/durable-file.ts", ...STORE_CONTRACT],
  "recorder/retention/": ["shared/", "recorder/store/retention-store.ts", ...STORE_CONTRACT],
  "recorder/encryption/": ["shared/"],
  "recorder/rfb/": ["shared/"],
  "recorder/tap/": ["shared/", "recorder/rfb/"],
  "recorder/scan/": ["shared/", "recorder/tap/file-hold.ts"],
  "recorder/session/": ["shared/", "recorder/tap/tap.ts"],
  "recorder/screen/": ["shared/"],
  "recorder/record/": ["shared/", "recorder/rfb/", "recorder/screen/", "recorder/encryption/", ...STORE_CONTRACT],
  "recorder/live/": ["shared/"],
  "recorder/metrics/": ["shared/", ...STORE_CONTRACT],
  // What the state's two engines write differently.
  "recorder/access/": ["shared/", "recorder/database/engine.ts"],
  "recorder/catalog/": ["shared/", "recorder/encryption/", "recorder/database/engine.ts", ...STORE_CONTRACT],
  // Its threads open the store by themselves; how long what is kept is retention's to say, and what a time stamp says the
  // ledger's.
  "recorder/verify/": [
    "shared/",
    "recorder/catalog/",
    "recorder/ledger/timestamp-answer.ts",
    "recorder/retention/terms.ts",
    "recorder/store/create-store.ts",
    "recorder/store/retention-store.ts",
    ...STORE_CONTRACT,
  ],
  // The export bounds what recorded output may cost a terminal with the recorder's own bounds, and an excerpt begins with a
  // picture as the recorder makes them.
  "recorder/export/": [
    "shared/",
    "recorder/record/segments/terminal-bounds.ts",
    "recorder/record/segments/terminal-follower.ts",
    ...STORE_CONTRACT,
  ],
  "recorder/cases/": ["shared/", "recorder/export/static-page.ts", "recorder/export/zip-stream.ts"],
  // Its thread reads segments as an export's does, and its file is one more database.
  "recorder/search/": [
    "shared/",
    "recorder/export/segment-port.ts",
    "recorder/export/segment-source.ts",
    "recorder/database/",
    "recorder/session/typed-line.ts",
    ...STORE_CONTRACT,
  ],
  // It reads events and files as the search does, and no more of a recording.
  "recorder/activity/": [
    "shared/",
    "recorder/catalog/",
    "recorder/export/segment-source.ts",
    "recorder/search/stored-lines.ts",
  ],
  "recorder/report/": ["shared/", "recorder/access/", "recorder/catalog/"],
  "recorder/api/": [
    "shared/",
    "recorder/access/",
    "recorder/activity/",
    "recorder/cases/",
    "recorder/catalog/",
    "recorder/export/",
    "recorder/live/",
    "recorder/report/",
    "recorder/search/",
    "recorder/session/",
  ],
  "replay-ui/": ["shared/"],
};

const EVERYWHERE = ["zod"];
// The one place of shared that may import more: patterns of a policy must take linear time, in the browser as well.
const LINEAR_PATTERNS = "shared/policy/patterns.ts";

// outside package → the only places that may import it; a package named in neither list has no owner and is refused
const OWNERS = {
  ssh2: ["recorder/tap/ssh/", "recorder/cli/demo/"],
  "@aws-sdk/": ["recorder/store/s3-"],
  "@smithy/": ["recorder/store/s3-"],
  "@xterm/": ["recorder/record/", "recorder/export/video/terminal-screen.ts"],
  "@cornerstonejs/": ["recorder/rfb/"],
  sharp: ["recorder/screen/frames.ts", "recorder/export/video/still.ts"],
  "fluent-ffmpeg": ["recorder/export/video/ffmpeg.ts"],
  ws: ["recorder/tap/vnc/websocket.ts", "recorder/live/watch-socket.ts", "recorder/cli/watch/watch-line.ts"],
  "zstd-napi": ["recorder/store/codec.ts"],
  kysely: [
    "recorder/access/",
    "recorder/activity/",
    "recorder/cases/",
    "recorder/catalog/",
    "recorder/scan/",
    "recorder/database",
    "recorder/retention/",
    "recorder/verify/tables.ts",
    "recorder/verify/verifications.ts",
    "recorder/identity-service.ts",
    "recorder/mfa-of.ts",
    "recorder/report/facts.ts",
    "recorder/search/saved-searches.ts",
    "recorder/siem/tables.ts",
  ],
  libsql: ["recorder/database/"],
  pg: ["recorder/database/postgres/", "recorder/search/postgres-database.ts"],
  fastify: ["recorder/api/"],
  "@fastify/": ["recorder/api/"],
  commander: ["recorder/cli/"],
  "csv-stringify": ["recorder/report/csv.ts"],
  "@node-rs/argon2": ["recorder/access/"],
  otpauth: ["recorder/access/mfa/"],
  uqr: ["recorder/access/mfa/"],
  "@simplewebauthn/server": ["recorder/access/webauthn/"],
  "@simplewebauthn/browser": ["replay-ui/api/passkeys.ts"],
  "openid-client": ["recorder/access/oidc/"],
  "age-encryption": [
    "recorder/record/",
    "recorder/encryption/",
    "recorder/access/month-keys.ts",
    "recorder/cli/backup/",
  ],
  // Time stamps of RFC 3161.
  pkijs: ["recorder/ledger/timestamp"],
  asn1js: ["recorder/ledger/timestamp"],
  // Text in pictures of screens; loads a language's data from its own package.
  "tesseract.js": ["recorder/search/screens/"],
  pino: ["recorder/"],
  "prom-client": ["recorder/metrics/"],
  yaml: ["recorder/config", "recorder/inventory", "recorder/cli/"],
  yazl: ["recorder/export/"],
  "@novnc/novnc": ["replay-ui/viewer/session.ts"],
  "asciinema-player": ["replay-ui/renderers/terminal.ts", "replay-ui/renderers/terminal.tsx"],
  fzstd: ["recorder/store/codec.ts", "replay-ui/"],
  re2js: [LINEAR_PATTERNS],
  preact: ["replay-ui/"],
  "@noble/": ["replay-ui/verify/ed25519.ts"],
  vite: ["replay-ui/vite.config.ts", "replay-ui/bundle/vite.config.ts"],
};

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const anyOf = (paths) => `^(${paths.map(escaped).join("|")})`;
// In planted files the folder stands below test/layers/planted, so that the same rule sees them.
const FROM = "^(test/layers/planted/)?";
const anyOfFrom = (paths) => `${FROM}(${paths.map(escaped).join("|")})`;
const inPackage = (name) => `(^|/)node_modules/${escaped(name)}${name.endsWith("/") ? "" : "(/|$)"}`;
const OURS = "^(shared|recorder|replay-ui|test|scripts)/";
const SOURCES = `${FROM}(shared|recorder|replay-ui)/`;

const layers = Object.entries(LAYERS).map(([folder, allowed]) => ({
  name: `layer-${folder.replace(/\/$/, "").replaceAll("/", "-")}`,
  comment: `${folder} may import ${["itself", ...allowed].join(", ")}`,
  severity: "error",
  from: { path: anyOfFrom([folder]) },
  to: { path: OURS, pathNot: anyOf([folder, ...allowed]) },
}));

const owners = Object.entries(OWNERS).map(([name, places]) => ({
  name: `owner-of-${name.replaceAll(/[@/]+/g, "-").replace(/^-|-$/g, "")}`,
  comment: `${name} is imported only by ${places.join(", ")}`,
  severity: "error",
  from: { path: SOURCES, pathNot: anyOfFrom(places) },
  to: { path: inPackage(name) },
}));

export default {
  forbidden: [
    ...layers,
    ...owners,
    {
      name: "shared-imports-zod-only",
      severity: "error",
      from: { path: anyOfFrom(["shared/"]), pathNot: anyOfFrom([LINEAR_PATTERNS]) },
      to: { path: "node_modules/", pathNot: EVERYWHERE.map(inPackage) },
    },
    {
      name: "no-node-in-the-browser",
      comment: "shared and replay-ui run in the browser",
      severity: "error",
      from: {
        path: anyOfFrom(["shared/", "replay-ui/"]),
        pathNot: anyOfFrom(["replay-ui/vite.config.ts", "replay-ui/bundle/vite.config.ts"]),
      },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "package-without-owner",
      comment: "name the one place that may import this package in OWNERS of .dependency-cruiser.mjs",
      severity: "error",
      from: { path: SOURCES },
      to: { path: "node_modules/", pathNot: [...EVERYWHERE, ...Object.keys(OWNERS)].map(inPackage) },
    },
    {
      name: "only-the-cli-imports-main",
      comment: "main.ts is the composition root: nothing below it may know it",
      severity: "error",
      from: { path: SOURCES, pathNot: anyOfFrom(["recorder/cli/"]) },
      to: { path: "^recorder/main\\.ts$" },
    },
    {
      name: "nothing-imports-the-cli",
      severity: "error",
      from: { path: SOURCES, pathNot: anyOfFrom(["recorder/cli/", "recorder/main.ts"]) },
      to: { path: "^recorder/cli/" },
    },
    {
      name: "nothing-imports-tests-or-scripts",
      severity: "error",
      from: { path: SOURCES },
      to: { path: "^(test|scripts)/" },
    },
    {
      name: "no-cycles",
      comment: "of types too; only a lazy import() may point back, since it closes no circle at load time",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["dynamic-import"] } },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: "swc", // beside TypeScript 7 the default parser sees no import at all
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|data)/" },
    enhancedResolveOptions: {
      extensions: [".ts", ".tsx", ".mjs", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
