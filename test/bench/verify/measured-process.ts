// Verifies or attests a store in a process of its own, so that it can be kept to one core, and prints how long it took.
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import type * as FsStores from "../../../recorder/store/fs-store.ts";
import type * as Attestations from "../../../recorder/verify/attest/make-attestation.ts";
import type * as Evidence from "../../../recorder/verify/verify-evidence.ts";

// The built program, whose threads start as they do where it is installed.
const built = (name: string) => import(new URL(`../../../dist/recorder/${name}.js`, import.meta.url).href);
const { FsStore } = (await built("store/fs-store")) as typeof FsStores;
const { makeAttestation } = (await built("verify/attest/make-attestation")) as typeof Attestations;
const { readWitnesses, verifyEvidence } = (await built("verify/verify-evidence")) as typeof Evidence;

export interface Asked {
  what: "verify" | "attest";
  directory: string;
  rootFile: string;
  recorder: string;
  nowMs: number;
  fromMs: number;
  /** 0: all in the main thread. */
  threads: number;
}

export interface Measured {
  ms: number;
  /** Of all its threads, from its start on. */
  cpuMs: number;
  verdict: string;
  recordings: number;
  bytes: number;
}

const asked = JSON.parse(process.argv[2] ?? "{}") as Asked;
const { directory, rootFile, recorder, nowMs, fromMs, threads } = asked;
const config = { kind: "fs" as const, directory, createDirectory: false };
const store = new FsStore(config);
const root = createPublicKey(readFileSync(rootFile));
const sources = { store, root, given: new Map<string, string>(), anchors: null };
const startedAt = performance.now();
const cpuBefore = process.cpuUsage();
const measured = asked.what === "verify" ? await verified() : await attested();
const ms = performance.now() - startedAt;
const { user, system } = process.cpuUsage(cpuBefore);
const cpuMs = (user + system) / 1000;
process.stdout.write(`${JSON.stringify({ ...measured, ms, cpuMs } satisfies Measured)}\n`);

async function verified(): Promise<Omit<Measured, "ms" | "cpuMs">> {
  const { report } = await verifyEvidence({
    ...sources,
    threads: threads === 0 ? null : { config, count: threads },
    scope: { kind: "all" },
    contents: false,
    locks: false,
    now: () => nowMs,
    name: directory,
  });
  const { verdict, recordings } = report;
  return { verdict, recordings: recordings.length, bytes: recordings.reduce((sum, one) => sum + one.checkedBytes, 0) };
}

async function attested(): Promise<Omit<Measured, "ms" | "cpuMs">> {
  const witnesses = await readWitnesses(sources);
  const attestation = await makeAttestation({
    ...witnesses,
    store,
    recorder,
    version: "bench",
    storeName: directory,
    policy: null,
    keyId: null,
    nowMs,
    fromMs,
    toMs: nowMs,
  });
  const { length } = JSON.stringify(attestation);
  return {
    verdict: attestation.inOrder ? "VALID" : "NOT IN ORDER",
    recordings: attestation.recordings.length,
    bytes: length,
  };
}
