// A running service with made recordings, and a browser that somebody has signed in with: the stage of what is measured in
// the portal.
import { createPrivateKey } from "node:crypto";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { rebuildRecordings } from "../../../recorder/catalog/rebuild.ts";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { loadOrCreateSigningKey, Signer } from "../../../recorder/record/signing.ts";
import { FsStore } from "../../../recorder/store/fs-store.ts";
import { launchBrowser } from "../../support/browser.ts";
import { openRules } from "../../support/open-rules.ts";
import type { SigningKey } from "../../support/recording-builder.ts";
import { prepareService, startPrepared } from "../../support/service.ts";

/** Who looks at it. */
export const person = { name: "bench", password: "seven slow river boats", roles: ["investigator"] };

export type SignedIn = Awaited<ReturnType<Awaited<ReturnType<Browser["newContext"]>>["storageState"]>>;

export interface Stage {
  browser: Browser;
  url: string;
  state: SignedIn;
  stop(): Promise<void>;
}

/** @param build puts recordings into the store's directory, signed with the service's key; gives how many. */
export async function openStage(
  directory: string,
  build: (key: SigningKey, storeDirectory: string) => Promise<number>,
): Promise<Stage> {
  const { configFile } = await prepareService({
    directory,
    people: [person],
    secrets: [],
    targets: [],
    policy: openRules(),
  });
  const data = join(directory, "data");
  const store = join(data, "store");
  const signing = await loadOrCreateSigningKey(join(data, "keys", "signing.pem"));
  const key = {
    keyId: signing.keyId,
    privateKey: createPrivateKey(signing.privateKeyPem),
    publicKeyPem: new Signer(signing).publicKeyPem,
  };
  const built = await build(key, store);
  const database = await openDatabase(join(data, "conduit.db"));
  const rebuilt = await rebuildRecordings(
    new FsStore({ kind: "fs", directory: store }),
    new Recordings(database.catalog),
  );
  await database.close();
  if (rebuilt.recordings !== built)
    throw new Error(`the index has ${rebuilt.recordings} recordings: ${JSON.stringify(rebuilt.faults)}`);
  const service = await startPrepared(configFile, directory);
  const browser = await launchBrowser();
  const stop = async () => {
    await browser.close();
    await service.stop();
  };
  try {
    return { browser, url: service.httpUrl, state: await signIn(browser, service.httpUrl), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export async function signIn(browser: Browser, url: string): Promise<SignedIn> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.getByTestId("sign-in-name").fill(person.name);
  await page.getByTestId("sign-in-password").fill(person.password);
  await page.getByTestId("sign-in-submit").click();
  await page.getByTestId("recordings-list").waitFor();
  const state = await context.storageState();
  await context.close();
  return state;
}

/** Of JavaScript, after what is not needed was collected. */
export async function heapMegabytes(page: Page): Promise<number> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  await devtools.send("HeapProfiler.collectGarbage");
  const { metrics } = (await devtools.send("Performance.getMetrics")) as { metrics: { name: string; value: number }[] };
  await devtools.detach();
  const used = metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? 0;
  if (used === 0) throw new Error("the browser did not say how much memory the page uses");
  return used / 1e6;
}
