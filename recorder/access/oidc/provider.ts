// Asks an identity provider who somebody is: OpenID Connect's authorization code flow with PKCE (RFC 7636), state, nonce,
// and the issuer in the answer (RFC 9207), by openid-client. Nothing here decides who may come in.
import * as client from "openid-client";
import { AppError } from "../../../shared/errors.ts";

export interface OidcSettings {
  issuer: string;
  clientId: string;
  /** In the open: only for the call that makes this. Null: a public client, which PKCE alone protects. */
  clientSecret: string | null;
  /** What people call it. */
  label: string;
  scopes: readonly string[];
  nameClaim: string;
  groupsClaim: string;
  /** What the provider says where it has seen a second factor; empty: it is never believed to have. */
  mfaAcr: readonly string[];
  mfaAmr: readonly string[];
}

/** What is kept until the answer comes. */
export interface Asked {
  nonce: string;
  verifier: string;
}

export interface Claims {
  subject: string;
  /** As `nameClaim` has it; empty where the provider says none. */
  name: string;
  groups: string[];
  /** By `acr` or `amr`, where the configuration says how. */
  secondFactor: boolean;
}

/** `again`: the person is to sign in at the provider once more, whoever is signed in there. */
export type Purpose = "first" | "again";

const timeoutSeconds = 10;
/** How long ago a renewed sign-in at the provider may be. */
const freshSeconds = 5 * 60;
const op = "access.oidc";

export class OidcProvider {
  readonly #settings: OidcSettings;
  readonly #redirectUri: () => string;
  #discovered: Promise<client.Configuration> | null = null;
  #known: client.Configuration | null = null;

  /** @param portalUrl as people reach the portal. */
  constructor(settings: OidcSettings, portalUrl: () => string) {
    this.#settings = settings;
    this.#redirectUri = () => new URL("/oidc/callback", portalUrl()).href;
  }

  get label(): string {
    return this.#settings.label;
  }

  get issuer(): string {
    return this.#settings.issuer;
  }

  /** SERVICE_UNREACHABLE when the provider does not answer. @param state comes back with the answer. */
  async address(state: string, { nonce, verifier }: Asked, purpose: Purpose): Promise<string> {
    const config = await this.#configuration();
    const { scopes, mfaAcr } = this.#settings;
    const parameters: Record<string, string> = {
      redirect_uri: this.#redirectUri(),
      scope: [...new Set(["openid", ...scopes])].join(" "),
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      ...(mfaAcr.length === 0 ? {} : { acr_values: mfaAcr.join(" ") }),
      ...(purpose === "again" ? { prompt: "login", max_age: "0" } : {}),
    };
    return client.buildAuthorizationUrl(config, parameters).href;
  }

  /** What must be kept for the answer. */
  ask(): Asked {
    return { nonce: client.randomNonce(), verifier: client.randomPKCECodeVerifier() };
  }

  /** AUTH_FAILED for an answer that does not hold, SERVICE_UNREACHABLE. @param query as the provider sent the browser back. */
  async answer(query: string, state: string, { nonce, verifier }: Asked, purpose: Purpose): Promise<Claims> {
    const config = await this.#configuration();
    const url = new URL(this.#redirectUri());
    url.search = query;
    try {
      const tokens = await client.authorizationCodeGrant(config, url, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
        ...(purpose === "again" ? { maxAge: freshSeconds } : {}),
      });
      const said = tokens.claims();
      if (said === undefined) throw this.#doesNotHold(undefined);
      const { nameClaim, groupsClaim } = this.#settings;
      const incomplete = said[nameClaim] === undefined || said[groupsClaim] === undefined;
      const more =
        incomplete && config.serverMetadata().userinfo_endpoint !== undefined
          ? await client.fetchUserInfo(config, tokens.access_token, said.sub)
          : {};
      // What is signed counts before what is asked for afterwards.
      return this.#claims({ ...more, ...said }, said.sub);
    } catch (error) {
      throw error instanceof AppError ? error : this.#explain(error);
    }
  }

  /** Where the browser ends the sign-in at the provider; null where it has no such place, or was not asked yet. */
  signOutUrl(portalUrl: string): string | null {
    const config = this.#known;
    if (config?.serverMetadata().end_session_endpoint === undefined) return null;
    return client.buildEndSessionUrl(config, { post_logout_redirect_uri: new URL("/", portalUrl).href }).href;
  }

  #claims(said: Record<string, unknown>, subject: string): Claims {
    const { nameClaim, groupsClaim, mfaAcr, mfaAmr } = this.#settings;
    const { acr } = said;
    return {
      subject,
      name: typeof said[nameClaim] === "string" ? said[nameClaim] : "",
      groups: texts(said[groupsClaim]),
      secondFactor:
        (typeof acr === "string" && mfaAcr.includes(acr)) || texts(said["amr"]).some((one) => mfaAmr.includes(one)),
    };
  }

  /** Asked once; a failure is asked again with the next sign-in. */
  async #configuration(): Promise<client.Configuration> {
    this.#discovered ??= this.#discover();
    try {
      this.#known = await this.#discovered;
      return this.#known;
    } catch (error) {
      this.#discovered = null;
      throw this.#explain(error);
    }
  }

  #discover(): Promise<client.Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings;
    const url = new URL(issuer);
    const authentication = clientSecret === null ? client.None() : client.ClientSecretBasic(clientSecret);
    return client.discovery(url, clientId, {}, authentication, {
      timeout: timeoutSeconds,
      // Only of this machine: the configuration takes no other address without TLS.
      ...(url.protocol === "http:" ? { execute: [client.allowInsecureRequests] } : {}),
    });
  }

  #explain(error: unknown): AppError {
    if (error instanceof client.AuthorizationResponseError) {
      const text =
        error.error === "access_denied"
          ? `${this.label} refused the sign-in, or it was given up there`
          : `${this.label} could not sign you in (${clean(error.error)})`;
      return new AppError("AUTH_FAILED", text, { op, cause: error });
    }
    if (isUnreachable(error)) {
      const text = `${this.label} cannot be reached; sign in with a name and password of this recorder, or try again later`;
      return new AppError("SERVICE_UNREACHABLE", text, { op, cause: error, retryable: true });
    }
    return this.#doesNotHold(error);
  }

  #doesNotHold(cause: unknown): AppError {
    return new AppError("AUTH_FAILED", `the answer of ${this.label} does not hold; begin the sign-in again`, {
      op,
      cause,
    });
  }
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string").slice(0, 1000) : [];
}

/** Of what comes from outside, only what an error code can be made of (RFC 6749 §4.1.2.1). */
function clean(code: string): string {
  return code.replaceAll(/[^a-z0-9_.-]/gi, "").slice(0, 40);
}

function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === "TimeoutError" || (error instanceof TypeError && error.message === "fetch failed")) return true;
  // A gateway that says that the provider is away, or something else that answers in its place.
  const code = (error as { code?: unknown }).code;
  if (code === "OAUTH_TIMEOUT" || code === "OAUTH_RESPONSE_IS_NOT_CONFORM") return true;
  return error.cause !== undefined && error.cause !== error && isUnreachable(error.cause);
}
