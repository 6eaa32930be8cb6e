// A recording that delete markers hide, in a bucket with versions: nothing of it is lost, and verification says so.
import { expect, it, vi } from "vitest";
import { verifyEvidence } from "../../../recorder/verify/verify-evidence.ts";
import { EvidenceStore } from "../../support/evidence-store.ts";

it.each(["all of it", "one object"])(
  "a recording of which delete markers hide %s was deleted early, not lost",
  async (what) => {
    const plant = new EvidenceStore();
    const { session, prefix } = await plant.session();
    plant.pass(5);
    const hidden = plant
      .keys(prefix)
      .filter((key) => what === "all of it" || key.endsWith("terminal-0/000000.cast.zst"));
    expect(hidden.length).toBeGreaterThan(0);
    const { retention } = plant.store;
    const versions = retention.versions.bind(retention);
    const modifiedAt = new Date(plant.nowMs).toISOString();
    vi.spyOn(retention, "versions").mockImplementation(async function* (of: string) {
      yield* versions(of);
      for (const key of hidden.filter((one) => one.startsWith(of))) {
        yield { key, versionId: "m", latest: true, deleteMarker: true, bytes: 0, modifiedAt };
        yield { key, versionId: "v", latest: false, deleteMarker: false, bytes: 1, modifiedAt };
      }
    });
    for (const key of hidden) plant.store.objects.delete(key);
    const { report } = await verifyEvidence({
      ...{ store: plant.store, threads: null, root: plant.rootPublic, given: new Map(), anchors: null },
      ...{ scope: { kind: "sessions", sessions: [session] }, contents: false, locks: false, name: "test" },
      now: () => plant.nowMs,
    });
    const [recording] = report.recordings;
    expect(recording?.findings.filter(({ weight }) => weight !== "DELETED-EARLY")).toEqual([]);
    expect(recording?.verdict).toBe("DELETED-EARLY");
    expect(recording?.findings.map(({ place }) => place).sort()).toEqual(hidden);
    for (const { message } of recording?.findings ?? []) expect(message).toContain("its version v is still there");
  },
);
