// `npm run bench -- verify`: what proving and keeping recordings costs. `--set` takes: only=hashes+attestation+encryption (parts),
// rounds=N (of each part), mib=N (size of the files that pass the gateway, and of the store that is hashed),
// recordings=N (of the attestation).
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchContext, Figure } from "./harness.ts";
import { encryptionOfGateway } from "./verify/encryption-gateway.ts";
import { encryptionOfRecorder } from "./verify/encryption-recorder.ts";
import { encryptionOfSeek } from "./verify/encryption-seek.ts";
import { attestationOf, verifiedAgainstSha256sum } from "./verify/evidence.ts";

export async function run(bench: BenchContext): Promise<Figure[]> {
  const { settings, log } = bench;
  const only = settings["only"]?.split("+");
  const rounds = Number(settings["rounds"] ?? 5);
  const directory = mkdtempSync(join(tmpdir(), "conduit-bench-verify-"));
  const figures: Figure[] = [];
  const part = async (name: string, measure: () => Promise<Figure[]>) => {
    if (only !== undefined && !only.some((one) => name === one || name.startsWith(`${one}-`))) return;
    log(name);
    figures.push(...(await measure()));
  };
  try {
    await part("hashes", () =>
      verifiedAgainstSha256sum(join(directory, "hashes"), Number(settings["mib"] ?? 1536), rounds, log),
    );
    await part("attestation", () =>
      attestationOf(join(directory, "attestation"), Number(settings["recordings"] ?? 10_000), rounds, log),
    );
    const mib = Number(settings["mib"] ?? 256);
    await part("encryption-gateway", () => encryptionOfGateway(join(directory, "gateway"), mib, rounds, log));
    await part("encryption-recorder", () => encryptionOfRecorder(join(directory, "recorder"), rounds, log));
    await part("encryption-seek", () => encryptionOfSeek(join(directory, "seek"), rounds, log));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return figures;
}
