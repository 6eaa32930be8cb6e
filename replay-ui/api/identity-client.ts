// What my account and the page for signing in ask the service about passkeys, the identity provider, tokens and keys.
import type { z } from "zod";
import type {
  ApiTokenList,
  MadeApiToken,
  MyIdentity,
  NewApiToken,
  OwnKeyList,
  ProviderAnswered,
  SignInWays,
} from "../../shared/api/identity.ts";
import type { Me } from "../../shared/api/types.ts";
import type { AddedPasskey, ConfirmChallenge, PasskeyList, PortalCode } from "../../shared/api/webauthn.ts";
import { readMe, remember, send } from "./client.ts";

type Schemas = typeof import("./identity-schemas.ts");

/** The schemas are fetched beside the answer. */
async function read<T>(schema: (all: Schemas) => z.ZodType<T>, response: Promise<Response>): Promise<T> {
  const [answer] = await Promise.all([response, import("./identity-schemas.ts")]);
  return schema(await import("./identity-schemas.ts")).parse(await answer.json());
}

const browserSide = () => import("./passkeys.ts");

export function getSignInWays(): Promise<SignInWays> {
  return read((all) => all.SignInWays, send("GET", "/session/ways"));
}

/** A whole sign-in: the passkey says whose it is. */
export async function signInWithPasskey(): Promise<Me> {
  const step = await read((all) => all.PasskeyStep, send("POST", "/session/passkey"));
  return answerStep(step.pending, step.passkey);
}

/** The second step with a passkey in the place of a code. */
export async function answerStep(pending: string, passkey: object): Promise<Me> {
  const assertion = await (await browserSide()).answerWithPasskey(passkey);
  return remember(await readMe(send("POST", "/session/second-step", { pending, assertion })));
}

export function getPasskeys(): Promise<PasskeyList> {
  return read((all) => all.PasskeyList, send("GET", "/me/passkeys"));
}

/** Ends every other sign-in; the refreshed one comes with it. */
export async function addPasskey(name: string): Promise<AddedPasskey> {
  const { ticket, options } = await read((all) => all.PasskeyQuestion, send("POST", "/me/passkeys/begin"));
  const response = await (await browserSide()).makePasskey(options);
  const added = await read((all) => all.AddedPasskey, send("POST", "/me/passkeys", { ticket, name, response }));
  remember(added.me);
  return added;
}

export async function renamePasskey(id: string, name: string): Promise<void> {
  await send("POST", "/me/passkeys/rename", { id, name });
}

export async function removePasskey(id: string): Promise<void> {
  await send("POST", "/me/passkeys/remove", { id });
}

export function makePortalCode(): Promise<PortalCode> {
  return read((all) => all.PortalCode, send("POST", "/me/portal-code"));
}

export function getConfirmChallenge(): Promise<ConfirmChallenge> {
  return read((all) => all.ConfirmChallenge, send("POST", "/session/confirm/challenge"));
}

export async function confirmWithPasskey({ ticket, options }: NonNullable<ConfirmChallenge["passkey"]>): Promise<void> {
  const assertion = await (await browserSide()).answerWithPasskey(options);
  await send("POST", "/session/confirm", { ticket, assertion });
}

const addressOf = async (path: string): Promise<string> =>
  (await read((all) => all.ProviderAddress, send("POST", path))).url;

/** Where the browser goes to sign in at the identity provider; so the next two. */
export const signInAtProvider = (): Promise<string> => addressOf("/session/provider");
export const linkProvider = (): Promise<string> => addressOf("/me/provider/link");
export const confirmAtProvider = (): Promise<string> => addressOf("/session/confirm/provider");

export async function bringProviderAnswer(query: string): Promise<ProviderAnswered> {
  const answer = await read((all) => all.ProviderAnswered, send("POST", "/session/provider/answer", { query }));
  return "csrfToken" in answer ? remember(answer) : answer;
}

export function getMyIdentity(): Promise<MyIdentity> {
  return read((all) => all.MyIdentity, send("GET", "/me/provider"));
}

export async function unlinkProvider(): Promise<void> {
  await send("POST", "/me/provider/unlink");
}

export function getTokens(): Promise<ApiTokenList> {
  return read((all) => all.ApiTokenList, send("GET", "/me/tokens"));
}

/** The token is in the answer alone. */
export function makeToken(wish: NewApiToken): Promise<MadeApiToken> {
  return read((all) => all.MadeApiToken, send("POST", "/me/tokens", wish));
}

export async function revokeToken(id: string): Promise<void> {
  await send("POST", `/me/tokens/${encodeURIComponent(id)}/revoke`);
}

export function getOwnKeys(): Promise<OwnKeyList> {
  return read((all) => all.OwnKeyList, send("GET", "/me/keys"));
}

export function addOwnKey(publicKey: string): Promise<OwnKeyList> {
  return read((all) => all.OwnKeyList, send("POST", "/me/keys", { publicKey }));
}

export function removeOwnKey(fingerprint: string): Promise<OwnKeyList> {
  return read((all) => all.OwnKeyList, send("POST", "/me/keys/remove", { fingerprint }));
}
