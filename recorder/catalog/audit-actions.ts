// Which type an entry of the ledger has that is a line of the audit log.
import type { EntryType } from "../../shared/ledger/entry.ts";

const ownTypes: Readonly<Record<string, EntryType>> = {
  "recording.view": "view",
  "session.watch": "view",
  "recording.seek": "view",
  "recording.search": "search",
  "recording.export": "export",
  "recording.verify": "verify",
  "recording.unseal": "unseal",
  "policy.loaded": "policy-changed",
  "key.rotate": "key-rotated",
  "key.retire": "key-retired",
  "key.lose": "key-lost",
  "store.probe": "probe",
  "store.probe-failed": "probe-failed",
  "store.drift": "drift",
  "store.drift-repaired": "drift-repaired",
  "hold.place": "hold",
  "hold.release-ask": "hold-release-asked",
  "hold.release": "hold-release",
  "service.start": "recorder-start",
  "service.stop": "recorder-stop",
};

export function entryTypeOf(action: string): EntryType {
  return ownTypes[action] ?? `audit:${action}`;
}
