// What an evidence bundle holds beside the recording, as it can be had without the service: the ledger as the store has it.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PolicyVersions } from "../../access/policy-versions.ts";
import { AuditLog } from "../../catalog/audit.ts";
import { createEvidence } from "../../evidence.ts";
import type { EvidenceSource } from "../../export/evidence.ts";
import { readHistory } from "../../keys/history-files.ts";
import { publicKeyOf, rootPublicName } from "../../keys/root-key.ts";
import { storedLedger } from "../../stored-ledger.ts";
import type { Cli } from "../cli.ts";
import { type Archive, trustedKeys } from "./archive.ts";

export function evidenceIn(cli: Cli, { config, database, store }: Archive): EvidenceSource {
  const { keyDirectory, id } = config.recorder;
  const keys = () => [...trustedKeys(config, [])].map(([keyId, publicKeyPem]) => ({ keyId, publicKeyPem }));
  return createEvidence({
    audit: new AuditLog(database.catalog),
    policies: new PolicyVersions(database.policies),
    keys,
    async history() {
      const path = join(keyDirectory, rootPublicName);
      if (!existsSync(path)) return null;
      const root = publicKeyOf(await readFile(path, "utf8"), path);
      const versions = await readHistory(keyDirectory, root);
      return versions.length === 0 ? null : { rootPem: root.publicKeyPem, versions };
    },
    async ledger() {
      const ledger = await storedLedger(store, id, keys(), cli.signal);
      if (ledger === null)
        cli.err.line(`WARNING: the store has no ledger of ${id} yet: the bundle is without the ledger's proofs.`);
      return ledger;
    },
  });
}
