// An identity provider (OpenID Connect) in a process of its own. Its parent says by message who has an account; the page for
// signing in takes an account's name and a word for how it was proven.
import Provider from "oidc-provider";

const { port, clientId, clientSecret, redirectUris, signedOutUris } = JSON.parse(process.env.OIDC_PROVIDER ?? "{}");
const issuer = `http://127.0.0.1:${port}`;
let accounts = {};

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: redirectUris,
      post_logout_redirect_uris: signedOutUris,
      response_types: ["code"],
      grant_types: ["authorization_code"],
    },
  ],
  acrValues: ["urn:test:mfa"],
  claims: { openid: ["sub", "acr", "amr"], profile: ["preferred_username", "groups"] },
  cookies: { keys: ["test"] },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  findAccount: (_ctx, id) =>
    accounts[id] === undefined ? undefined : { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/interaction/")) return next();
  if (ctx.method === "GET" && ctx.query.account === undefined) {
    ctx.type = "html";
    ctx.body = `<!doctype html><html lang="en"><title>Provider</title><form><input name="account" aria-label="account"><input name="how" aria-label="how"><button>Go</button></form></html>`;
    return;
  }
  const { account, how } = ctx.query;
  const result =
    account === ""
      ? { error: "access_denied", error_description: "given up" }
      : {
          login: {
            accountId: account,
            ...(how === "acr" ? { acr: "urn:test:mfa" } : {}),
            ...(how === "amr" ? { amr: ["pwd", "otp"] } : {}),
          },
        };
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
});

process.on("message", (message) => {
  accounts = message.accounts;
  process.send?.({ taken: true });
});
process.on("disconnect", () => process.exit(0));
provider.listen(port, "127.0.0.1", () => process.send?.({ ready: true }));
