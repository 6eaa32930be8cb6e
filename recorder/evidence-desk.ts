// Verification in the background and attestations, as the service has them. A part of the composition root.
import { createPublicKey, sign } from "node:crypto";
import type { Logger } from "pino";
import { AppError } from "../shared/errors.ts";
import type { AttestationQuery } from "../shared/evidence/attestation.ts";
import type { Attested, EvidenceReading } from "./api/deps.ts";
import { catalogueRows, policyOf } from "./attestation-sources.ts";
import type { Config } from "./config.ts";
import type { ServiceDatabase } from "./database.ts";
import type { Inventory } from "./inventory.ts";
import type { LedgerService } from "./ledger/ledger-service.ts";
import type { SigningKeys } from "./signing-keys.ts";
import type { ObjectStore } from "./store/object-store.ts";
import { attestationPage } from "./verify/attest/attestation-page.ts";
import { sha256Hex } from "./verify/attest/check-attestation.ts";
import { makeAttestation } from "./verify/attest/make-attestation.ts";
import { type ContinuousOptions, ContinuousVerifier } from "./verify/continuous.ts";
import { Verifications } from "./verify/verifications.ts";
import { readWitnesses } from "./verify/verify-evidence.ts";

export interface EvidenceDeskParts {
  database: ServiceDatabase;
  store: ObjectStore;
  keys: SigningKeys;
  ledger: LedgerService;
  inventory: () => Inventory["current"];
  version: string;
  isPending(session: string): boolean;
  alarms: ContinuousOptions["alarms"];
  logger: Logger;
}

const dayMs = 86_400_000;
/** For whoever made one and wants it in another form. */
const keptAttestations = 2;
/** Of a period that an answer over HTTP can be about. */
const maxDays = 400;

export function createEvidenceDesk(
  config: Config,
  parts: EvidenceDeskParts,
): EvidenceReading & { verifier: ContinuousVerifier } {
  const { database, store, keys, ledger } = parts;
  const rootOf = () => {
    const pem = keys.history()?.root.publicKeyPem;
    return pem === undefined ? null : createPublicKey(pem);
  };
  const verifier = new ContinuousVerifier({
    store,
    recorder: config.recorder.id,
    ...config.verification,
    checkpointSeconds: config.ledger.checkpointSeconds,
    verifications: new Verifications(database.verification),
    ledger: {
      append: (entry) => ledger.append(entry),
      entriesOf: (session) => ledger.ledger.entriesOf(session),
      get lastCheckpoint() {
        return ledger.ledger.lastCheckpoint;
      },
      checkpointOver: (n) => ledger.ledger.checkpointOver(n),
    },
    root: rootOf,
    trustedKeys: () => keys.trustedPems(),
    isPending: (session) => parts.isPending(session),
    alarms: parts.alarms,
    logger: parts.logger,
  });
  let making: Promise<unknown> = Promise.resolve();
  const attest = async (query: AttestationQuery): Promise<Attested> => {
    const period = periodOf(query);
    const root = rootOf();
    const given = root === null ? keys.trustedPems() : new Map<string, string>();
    const { checkpointSeconds } = config.ledger;
    const witnesses = await readWitnesses({ store, root, given, anchors: null, checkpointSeconds });
    const attestation = await makeAttestation({
      ...witnesses,
      ...period,
      store,
      recorder: config.recorder.id,
      version: parts.version,
      storeName:
        config.store.kind === "fs" ? config.store.directory : `s3:${config.store.bucket}/${config.store.prefix}`,
      policy: policyOf(parts.inventory()),
      keyId: keys.signing.keyId,
      nowMs: Date.now(),
      catalogue: await catalogueRows(database),
    });
    const bytes = Buffer.from(`${JSON.stringify(attestation, null, 1)}\n`);
    const signature = sign(null, bytes, keys.signing.privateKeyPem);
    const sha256 = sha256Hex(bytes);
    const page = () => attestationPage(attestation, { sha256, signature: signature.toString("base64") });
    const attested = { attestation, bytes, signature, sha256, page };
    recent.unshift(attested);
    recent.length = Math.min(recent.length, keptAttestations);
    return attested;
  };
  const recent: Attested[] = [];
  const again = (sha256: string): Attested => {
    const found = recent.find((one) => one.sha256 === sha256);
    if (found !== undefined) return found;
    throw new AppError("REQUEST_NOT_FOUND", "that attestation is no longer at hand; make it anew", {
      op: "attestation",
    });
  };
  return {
    verifier,
    verification: () => verifier.state(),
    verificationOf: (session) => verifier.of(session),
    // One at a time: each reads the ledger and a part of the store.
    attest: async (query) => {
      if (query.sha256 !== undefined) return again(query.sha256);
      const turn = making.then(() => attest(query));
      making = turn.catch(() => {});
      return turn;
    },
  };
}

function periodOf({ from, to, day }: AttestationQuery): { fromMs: number; toMs: number } {
  const toMs = day === undefined ? parsed(to, Date.now()) : Date.parse(`${day}T00:00:00Z`) + dayMs;
  const fromMs = day === undefined ? parsed(from, toMs - dayMs) : toMs - dayMs;
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) throw invalid("`from`, `to` and `day` are times such as 2026-11-23");
  if (fromMs >= toMs) throw invalid("the period ends before it begins; give `from` before `to`");
  if (toMs - fromMs > maxDays * dayMs)
    throw invalid(`a period here has at most ${maxDays} days; conduit attest makes longer ones`);
  return { fromMs, toMs };
}

function parsed(text: string | undefined, otherwise: number): number {
  return text === undefined || text === "" ? otherwise : Date.parse(text);
}

function invalid(message: string): AppError {
  return new AppError("REQUEST_INVALID", message, { op: "attestation.period" });
}
