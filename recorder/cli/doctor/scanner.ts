// Of `conduit doctor`: is what must be scanned scanned, and does the scanner report what it ought to?
import type { Config } from "../../config.ts";
import { scannerOf } from "../../file-scan.ts";
import { eicarProbe, encryptedProbe } from "../../scan/probes.ts";
import { inventoryOf } from "../inventory-of.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const name = "virus scanner";
const pieceBytes = 1024 ** 2;

export async function checkScanner(config: Config): Promise<Check[]> {
  if (config.scan.clamd === null) {
    if (!wantsScans(config)) return [ok(name, "none, and no rule asks for one")];
    const mend = "Install clamav-daemon and set scan.clamd.socket (docs/file-transfer.md), or say fileTransfer: deny.";
    return [warn(name, "none: file transfer that the policy wants scanned is refused", mend)];
  }
  const scanner = scannerOf(config);
  const checks = [ok(name, await scanner.version())];
  const never = new AbortController().signal;
  const eicar = await scanner.scan(pieces(eicarProbe), never);
  if (eicar.outcome !== "infected") {
    const mend = "Load ClamAV's definitions (freshclam) and restart clamd; until then nothing is found.";
    checks.push(fail("scanner findings", "the EICAR test file is not reported", mend));
  } else checks.push(ok("scanner findings", `the EICAR test file is reported as ${eicar.signature}`));
  const encrypted = await scanner.scan(pieces(encryptedProbe()), never);
  if (encrypted.outcome === "clean") {
    const mend =
      "Set AlertEncrypted yes and AlertExceedsMax yes in clamd.conf; else what it cannot look into passes as clean.";
    checks.push(warn("scanner encrypted", "an encrypted archive counts as clean", mend));
  }
  const largest = await scanner.scan(zeros(config.scan.maxFileBytes), never);
  if (largest.outcome !== "clean") {
    const said = largest.outcome === "unscannable" ? largest.sentence : largest.signature;
    const mend = "Raise StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf, or lower scan.maxFileBytes.";
    checks.push(warn("scanner limits", `a file of scan.maxFileBytes is not scanned: ${said}`, mend));
  }
  return checks;
}

function wantsScans(config: Config): boolean {
  try {
    const { policy } = inventoryOf(config);
    return policy.rules.some((rule) => (rule.fileTransfer ?? policy.fileTransfer) === "scan_required");
  } catch {
    // The check of the inventory says what is wrong with it.
    return false;
  }
}

async function* pieces(contents: Buffer): AsyncGenerator<Uint8Array> {
  yield contents;
}

async function* zeros(bytes: number): AsyncGenerator<Uint8Array> {
  const piece = Buffer.alloc(pieceBytes);
  for (let left = bytes; left > 0; left -= pieceBytes) yield left < pieceBytes ? piece.subarray(0, left) : piece;
}
