// Passkeys, sign-in with an identity provider and API tokens as the service uses them. A part of the composition root,
// beside main.ts.
import type { Transaction } from "kysely";
import type { Logger } from "pino";
import { AppError } from "../shared/errors.ts";
import type { AccessFeed } from "./access/feed.ts";
import { type AccountOptions, OidcAccounts } from "./access/oidc/accounts.ts";
import { OidcProvider } from "./access/oidc/provider.ts";
import type { RequestTables } from "./access/requests/tables.ts";
import { SshAuthorities } from "./access/ssh-authorities.ts";
import { ApiTokens } from "./access/tokens.ts";
import { Passkeys } from "./access/webauthn/passkeys.ts";
import type { ApiDeps } from "./api/api.ts";
import { type Config, readConfigText } from "./config.ts";
import type { ServiceDatabase } from "./database.ts";

const recheckMs = 10 * 60_000;

export interface IdentityParts {
  database: ServiceDatabase;
  feed: AccessFeed;
  audit: { append: AccountOptions["audit"] };
  logger: Logger;
  /** As people reach the portal; known once it listens. */
  portalUrl(): string;
}

export interface IdentityService {
  passkeys: Passkeys;
  /** For the sign-in: whose SSH certificates count. */
  authorities: { authorities?: SshAuthorities };
  /** For the API. */
  deps: Pick<ApiDeps, "passkeys" | "tokens" | "ownKeys" | "oidc">;
  close(): Promise<void>;
}

export function openIdentity(config: Config, parts: IdentityParts): IdentityService {
  const { database, feed, portalUrl } = parts;
  const passkeys = new Passkeys(database.access, {
    portalUrl,
    name: `Conduit ${config.recorder.id}`,
    enabled: config.identity.webauthn.enabled,
    record: async (trx, event) => {
      await feed.append(trx as unknown as Transaction<RequestTables>, event);
    },
    recorded: () => feed.changed(),
  });
  const tokens = new ApiTokens(database.access, config.identity.tokens.maxDays);
  const oidc = openOidc(config, parts);
  return {
    passkeys,
    authorities: openAuthorities(config),
    deps: { passkeys, tokens, ownKeys: config.identity.ownKeys, ...(oidc === null ? {} : { oidc: oidc.deps }) },
    close: async () => oidc?.close(),
  };
}

function openAuthorities(config: Config): { authorities?: SshAuthorities } {
  const { authoritiesFile, maxCertificateHours } = config.identity.ssh;
  if (authoritiesFile === null) return {};
  const lines = readConfigText(authoritiesFile, "file of SSH authorities");
  try {
    return { authorities: new SshAuthorities(lines, { maxHours: maxCertificateHours }) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AppError("CONFIG_INVALID", `${authoritiesFile} (identity.ssh.authoritiesFile): ${why}`, {
      op: "identity.authorities",
      cause,
    });
  }
}

function openOidc(config: Config, { database, audit, logger, portalUrl }: IdentityParts) {
  const settings = config.identity.oidc;
  if (settings === null) return null;
  const { clientSecret, roles, recheckDays, signOutThere, ...rest } = settings;
  const provider = new OidcProvider({ ...rest, clientSecret: clientSecret?.reveal() ?? null }, portalUrl);
  const accounts = new OidcAccounts(database.access, {
    issuer: settings.issuer,
    label: settings.label,
    roles,
    recheckDays,
    audit: (entry) => audit.append(entry),
  });
  let running: Promise<void> | null = null;
  const recheck = () => {
    running ??= accounts
      .recheck()
      .catch((err: unknown) =>
        logger.error({ err }, "accounts that the identity provider made cannot be looked at; it is tried again"),
      )
      .finally(() => {
        running = null;
      });
  };
  recheck();
  const timer = setInterval(recheck, recheckMs);
  timer.unref();
  return {
    deps: { provider, accounts, signOutUrl: () => (signOutThere ? provider.signOutUrl(portalUrl()) : null) },
    close: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
