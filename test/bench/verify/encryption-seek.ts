// Opening and seeking in the portal, of the same recording encrypted and not.
import { createPrivateKey } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { rebuildRecordings } from "../../../recorder/catalog/rebuild.ts";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { openMasterKey } from "../../../recorder/cli/key-files.ts";
import { loadConfig } from "../../../recorder/config.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { RecordingEncryption } from "../../../recorder/encryption/recording-encryption.ts";
import { openMonthKeys } from "../../../recorder/encryption-service.ts";
import { loadOrCreateSigningKey, Signer } from "../../../recorder/record/signing.ts";
import { FsStore } from "../../../recorder/store/fs-store.ts";
import { newIdentity } from "../../support/encryption.ts";
import { openRules } from "../../support/open-rules.ts";
import { sessionOf } from "../../support/recording-builder.ts";
import { prepareService, startPrepared } from "../../support/service.ts";
import { type BenchContext, type Figure, figure, interleaved, median } from "../harness.ts";
import { buildRecording, startedAt } from "../replay/recordings.ts";
import { person, type SignedIn, signIn } from "../replay/stage.ts";

const size = { name: "20 MB", megabytes: 20, minutes: 30 };
const seekPlaces = [9, 1, 5, 8, 3];

interface Timing {
  loadMs: number;
  seekMs: number;
}

export async function encryptionOfSeek(directory: string, rounds: number, log: BenchContext["log"]): Promise<Figure[]> {
  const { recipient } = await newIdentity();
  const config = { encryption: { recipients: [recipient] } };
  const { configFile } = await prepareService({
    directory,
    people: [person],
    secrets: [],
    targets: [],
    policy: openRules(),
    config,
  });
  const sessions = await makeRecordings(directory, configFile, recipient);
  const service = await startPrepared(configFile, directory);
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });
  try {
    const state = await signIn(browser, service.httpUrl);
    const timings = { encrypted: [] as Timing[], plain: [] as Timing[] };
    const time = (which: keyof typeof timings) => async (round: number) => {
      const timing = await timeOf(browser, service.httpUrl, state, sessions[which]);
      if (round >= 0) timings[which].push(timing);
      return timing.seekMs;
    };
    const seeks = await interleaved({ encrypted: time("encrypted"), plain: time("plain") }, rounds);
    log(`seek: encrypted ${seeks.encrypted.map(Math.round)}, plain ${seeks.plain.map(Math.round)} ms`);
    const load = (which: keyof typeof timings) => median(timings[which].map(({ loadMs }) => loadMs));
    const goal = { measure: "difference", at: "most", bound: 10 } as const;
    return [
      figure("seek, encrypted", "ms", median(seeks.encrypted), median(seeks.plain), goal),
      figure("from an empty page to the first picture, encrypted", "ms", load("encrypted"), load("plain")),
    ];
  } finally {
    await browser.close();
    await service.stop();
  }
}

async function makeRecordings(directory: string, configFile: string, recipient: string) {
  const data = join(directory, "data");
  const signing = await loadOrCreateSigningKey(join(data, "keys", "signing.pem"));
  const { privateKeyPem, keyId } = signing;
  const publicKeyPem = new Signer(signing).publicKeyPem;
  const key = { keyId, privateKey: createPrivateKey(privateKeyPem), publicKeyPem };
  const loaded = loadConfig({ file: configFile, env: {}, directory });
  const database = await openDatabase(loaded.recorder.database);
  try {
    const monthKeys = openMonthKeys(loaded, database, await openMasterKey(loaded, database));
    const encryption = new RecordingEncryption({
      recipients: [recipient],
      inputRecipients: [recipient],
      serviceReadsInput: true,
      recipientOf: (month) => monthKeys.recipientOf(month),
      noServiceKey: (_month, error) => {
        throw error;
      },
      serviceKeyAgain: () => {},
    });
    const casts = join(directory, "casts");
    mkdirSync(casts);
    const begun = await encryption.begin(sessionOf({ seed: 1, startedAt }), Date.parse(startedAt), 90);
    const encrypted = await buildRecording(size, 1, key, join(data, "store"), casts, begun);
    const plain = await buildRecording(size, 2, key, join(data, "store"), casts);
    const store = new FsStore({ kind: "fs", directory: join(data, "store") });
    const { recordings, faults } = await rebuildRecordings(store, new Recordings(database.catalog));
    if (recordings !== 2) throw new Error(`the index has ${recordings} recordings: ${JSON.stringify(faults)}`);
    return { encrypted: encrypted.session, plain: plain.session };
  } finally {
    await database.close();
  }
}

async function timeOf(browser: Browser, url: string, state: SignedIn, session: string): Promise<Timing> {
  const context = await browser.newContext({ storageState: state, viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    window.addEventListener("conduit:first-picture", () => {
      (window as unknown as { firstPictureMs: number }).firstPictureMs ??= performance.now();
    });
  });
  await page.goto(`${url}/recordings/${session}`);
  await page.waitForFunction(() => (window as unknown as { firstPictureMs?: number }).firstPictureMs !== undefined);
  const loadMs = await page.evaluate(() => (window as unknown as { firstPictureMs: number }).firstPictureMs);
  const seeks: number[] = [];
  for (const digit of seekPlaces) {
    seeks.push(
      await page.evaluate(
        (key) =>
          new Promise<number>((resolve) => {
            const beganAt = performance.now();
            window.addEventListener("conduit:seeked", () => resolve(performance.now() - beganAt), { once: true });
            (document.activeElement ?? document.body).dispatchEvent(
              new KeyboardEvent("keydown", { key, code: `Digit${key}`, bubbles: true }),
            );
          }),
        String(digit),
      ),
    );
  }
  await context.close();
  return { loadMs, seekMs: median(seeks) };
}
