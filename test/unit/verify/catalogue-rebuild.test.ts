// The catalogue is a cache: made again from the store alone it has the same rows.
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { rebuildCatalogue } from "../../../recorder/catalogue-rebuild.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { RetainedRecordings } from "../../../recorder/retention/retained.ts";
import { retainTag } from "../../../recorder/retention/terms.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { EvidenceStore, type StoredSession } from "../../support/evidence-store.ts";
import { openState } from "../../support/state.ts";

const parse = <T>(schema: { parse(value: unknown): T }, bytes: Buffer | undefined) =>
  schema.parse(JSON.parse(String(bytes)));

/** As the service writes them while it records, holds and sweeps. */
async function asTheServiceDoes(plant: EvidenceStore, db: ServiceDatabase, { built, prefix }: StoredSession) {
  const recordings = new Recordings(db.catalog);
  const open = parse(OpenRecord, built.objects.get("open.json"));
  const manifestBytes = built.objects.get("manifest.json");
  const manifest = parse(Manifest, manifestBytes);
  await recordings.opened(open);
  await recordings.sealed(manifest);
  await recordings.stored(open.session);
  const keys = plant.keys(prefix);
  await new RetainedRecordings(db.retention).keep({
    session: open.session,
    prefix,
    startedAt: open.startedAt,
    retainUntil: manifest.retainUntil,
    retainTag: retainTag(open.retentionDays),
    manifestSha256: createHash("sha256").update(String(manifestBytes)).digest("hex"),
    objects: keys.length,
    bytes: keys.reduce((sum, key) => sum + plant.bytes(key).length, 0),
  });
}

async function rows(db: ServiceDatabase) {
  const recordings = await db.catalog.selectFrom("recordings").selectAll().orderBy("session").execute();
  const retained = await db.retention.selectFrom("retained").selectAll().orderBy("session").execute();
  const holds = await db.retention.selectFrom("holds").selectAll().orderBy("id").execute();
  return { recordings, retained, holds };
}

it("rebuilt from the store alone, has the same rows as the one that was lost", async () => {
  const plant = new EvidenceStore();
  const lost = await openState(":memory:");
  const first = await plant.session();
  const second = await plant.session({ person: "Omar" });
  const third = await plant.session();
  for (const one of [first, second, third]) await asTheServiceDoes(plant, lost, one);
  plant.hold(second, "hold-1");
  plant.hold(third, "hold-2");
  plant.release(third, "hold-2");
  const time = () => new Date(plant.nowMs).toISOString();
  const held = { placed_by: "ines", placed_at: time(), case_id: "CASE-7", reason: "incident", asked_by: null };
  await lost.retention
    .insertInto("holds")
    .values([
      { id: "hold-1", session: second.session, ...held, state: "active", enforced: 0 },
      {
        id: "hold-2",
        session: third.session,
        ...held,
        state: "released",
        enforced: 0,
        asked_by: "ines",
        asked_at: time(),
        asked_reason: "closed",
        released_by: "otto",
        released_at: time(),
      },
    ])
    .execute();
  plant.away(92);
  const size = plant.keys(first.prefix).reduce((sum, key) => sum + plant.bytes(key).length, 0);
  plant.expire(first, size);
  await new Recordings(lost.catalog).setState(first.session, "expired");
  await new RetainedRecordings(lost.retention).setExpired(first.session, time(), "sweeper");
  plant.pass(5);
  const rebuilt = await openState(":memory:");
  const result = await rebuildCatalogue({
    store: plant.store,
    database: rebuilt,
    recorder: plant.recorder,
    root: plant.rootPublic,
    given: new Map(),
    checkpointSeconds: 300,
  });
  expect(result).toEqual({ recordings: 2, faults: [], expired: 1, retained: 2, holds: 2, ledgerFaults: [] });
  const [before, after] = [await rows(lost), await rows(rebuilt)];
  expect(after.retained).toEqual(before.retained);
  expect(after.holds).toEqual(before.holds);
  const kept = (all: typeof before) => all.recordings.filter(({ state }) => state !== "expired");
  expect(kept(after)).toEqual(kept(before));
  // Of what is gone, the ledger keeps who, what and when.
  const of = (all: typeof before) => all.recordings.find(({ state }) => state === "expired");
  const { session, recorder, sequence, person, target, protocol, started_at, ended_at, end_reason, bytes } =
    of(before)!;
  expect(of(after)).toMatchObject({
    session,
    recorder,
    sequence,
    person,
    target,
    protocol,
    started_at,
    ended_at,
    end_reason,
    bytes,
  });
  await Promise.all([lost.close(), rebuilt.close()]);
});
