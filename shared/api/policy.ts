// What the HTTP API says of the policy: the one in force, whole, so that the portal decides and explains with the same code
// as the gateway, and the versions that were.
import { z } from "zod";
import { Conduit, Policy, Protocol } from "../policy/policy.ts";

/** Of a target what decisions look at; neither its address nor its credential. */
export const PolicyTarget = z.strictObject({
  name: z.string(),
  conduit: z.string(),
  protocol: Protocol,
  tags: z.array(z.string()),
  description: z.string(),
});
export type PolicyTarget = z.infer<typeof PolicyTarget>;

export const PolicyInForce = z.strictObject({
  hash: z.string(),
  loadedAt: z.string(),
  policy: Policy,
  conduits: z.array(Conduit),
  targets: z.array(PolicyTarget),
  /** As it was written, with its comments. */
  text: z.string(),
  warnings: z.array(z.strictObject({ file: z.string(), line: z.int().nullable(), message: z.string() })),
});
export type PolicyInForce = z.infer<typeof PolicyInForce>;

export const PolicyVersion = z.strictObject({ hash: z.string(), firstSeen: z.string(), lastSeen: z.string() });
export const PolicyVersionList = z.strictObject({ items: z.array(PolicyVersion) });
export const PolicyVersionText = z.strictObject({ ...PolicyVersion.shape, text: z.string() });
export type PolicyVersionText = z.infer<typeof PolicyVersionText>;
