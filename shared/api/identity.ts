// What the HTTP API says of ways to sign in, API tokens and one's own SSH keys.
import { z } from "zod";

/** What the page for signing in offers; the same for everybody. */
export const SignInWays = z.strictObject({
  passkey: z.boolean(),
  /** What the identity provider is called; null: there is none. */
  provider: z.string().nullable(),
});
export type SignInWays = z.infer<typeof SignInWays>;
