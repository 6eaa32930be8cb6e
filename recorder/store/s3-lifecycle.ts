// The bucket's lifecycle as retention wants it: one rule a retention class, told apart by the objects' tag, so that what
// is kept longer or held never meets a shorter rule. NewerNoncurrentVersions and size filters are not used: some servers
// drop them without a word, and the rule then expires too much.
import type { LifecycleRule } from "@aws-sdk/client-s3";
import type { BucketPolicy, Drift } from "./retention-store.ts";

const ownMark = "conduit";

export function wantedRules({ classes }: BucketPolicy, prefix: string, tagName: string): LifecycleRule[] {
  const recordings = `${prefix}recordings/`;
  const id = (name: string) => `${ownMark}:${prefix}${name}`;
  return [
    ...classes.map(
      ({ tag, expireAfterDays }): LifecycleRule => ({
        ID: id(`retain-${tag}`),
        Status: "Enabled",
        Filter: { And: { Prefix: recordings, Tags: [{ Key: tagName, Value: tag }] } },
        Expiration: { Days: expireAfterDays },
        NoncurrentVersionExpiration: { NoncurrentDays: 1 },
      }),
    ),
    {
      ID: id("uploads"),
      Status: "Enabled",
      Filter: { Prefix: prefix },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
    },
    {
      ID: id("markers"),
      Status: "Enabled",
      Filter: { Prefix: recordings },
      Expiration: { ExpiredObjectDeleteMarker: true },
    },
    {
      ID: id("probes"),
      Status: "Enabled",
      Filter: { Prefix: `${prefix}probes/` },
      Expiration: { Days: 1 },
      NoncurrentVersionExpiration: { NoncurrentDays: 1 },
    },
  ];
}

export function isOurs(rule: LifecycleRule, prefix: string): boolean {
  return (
    rule.ID?.startsWith(`${ownMark}:${prefix}`) === true && !rule.ID.slice(`${ownMark}:${prefix}`.length).includes("/")
  );
}

export function sameRules(found: readonly LifecycleRule[], wanted: readonly LifecycleRule[]): boolean {
  const plain = (rules: readonly LifecycleRule[]) =>
    JSON.stringify(rules.map(normal).sort((a, b) => (a[0] < b[0] ? -1 : 1)));
  return plain(found) === plain(wanted);
}

/** What counts of a rule, in one order; servers write the filter of a prefix in three ways. */
function normal(rule: LifecycleRule): [string, ...unknown[]] {
  const { prefix, tags } = filterOf(rule);
  return [
    rule.ID ?? "",
    rule.Status,
    prefix,
    tags,
    rule.Expiration?.Days ?? null,
    rule.Expiration?.ExpiredObjectDeleteMarker ?? null,
    rule.NoncurrentVersionExpiration?.NoncurrentDays ?? null,
    rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation ?? null,
  ];
}

function filterOf(rule: LifecycleRule): { prefix: string; tags: string[] } {
  const { Filter: filter } = rule;
  const tags = [...(filter?.And?.Tags ?? []), ...(filter?.Tag === undefined ? [] : [filter.Tag])];
  return {
    prefix: filter?.And?.Prefix ?? filter?.Prefix ?? (rule as { Prefix?: string }).Prefix ?? "",
    tags: tags.map(({ Key, Value }) => `${Key}=${Value}`).sort(),
  };
}

/** Others' rules that reach our objects. Locks stand against them; they hide, and they delete what is no longer locked. */
export function foreignDrift(rules: readonly LifecycleRule[], prefix: string, bucket: string): Drift[] {
  return rules
    .filter((rule) => rule.Status === "Enabled" && reaches(filterOf(rule).prefix, prefix))
    .filter(
      (rule) =>
        rule.Expiration?.Days !== undefined ||
        rule.Expiration?.Date !== undefined ||
        rule.NoncurrentVersionExpiration !== undefined,
    )
    .map((rule) => ({
      what: "foreign-rule" as const,
      message: `the rule ${rule.ID ?? "without a name"} of bucket ${bucket}'s lifecycle is not the recorder's and reaches its objects: it may hide recordings before their time; take it away or give it another prefix`,
      repaired: false,
    }));
}

function reaches(foreign: string, own: string): boolean {
  return own.startsWith(foreign) || foreign.startsWith(own);
}
