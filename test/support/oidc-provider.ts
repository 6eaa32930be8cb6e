// Starts a real provider of OpenID Connect (oidc-provider) in a process of its own, and signs in there as a browser would.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";

const script = fileURLToPath(new URL("oidc-provider-process.mjs", import.meta.url));

export interface ProviderAccount {
  preferred_username?: string;
  groups?: string[];
}

export interface TestProvider {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** By subject. */
  accounts(accounts: Record<string, ProviderAccount>): Promise<void>;
  /**
   * As a browser that has never been there: follows `address` to the page for signing in, gives it a subject (empty: gives
   * up) and how it was proven, and resolves to the address that leads back.
   */
  signIn(address: string, subject: string, how?: "acr" | "amr"): Promise<URL>;
  stop(): Promise<void>;
}

/** @param portal the origins of the portal. */
export async function startOidcProvider(portal: readonly string[]): Promise<TestProvider> {
  const port = await freePort();
  const client = { clientId: "recorder", clientSecret: "a secret of the tests" };
  const child = fork(script, {
    env: {
      ...process.env,
      OIDC_PROVIDER: JSON.stringify({
        port,
        ...client,
        redirectUris: portal.map((origin) => `${origin}/oidc/callback`),
        signedOutUris: portal.map((origin) => `${origin}/`),
      }),
    },
    execArgv: [],
    silent: true,
  });
  await told(child);
  return {
    issuer: `http://127.0.0.1:${port}`,
    ...client,
    accounts: async (accounts) => {
      child.send({ accounts });
      await told(child);
    },
    signIn,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, "exit");
    },
  };
}

/** Its next message; rejects when it ends instead. */
function told(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the provider ended with ${code}`));
    child.once("exit", ended);
    child.once("message", () => {
      child.off("exit", ended);
      resolve();
    });
  });
}

async function signIn(address: string, subject: string, how = ""): Promise<URL> {
  const cookies = new Map<string, string>();
  let url = new URL(address);
  const { origin } = url;
  for (let step = 0; step < 10; step++) {
    if (url.origin !== origin) return url;
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
    });
    for (const line of response.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split(/=(.*)/s);
      cookies.set(name, value);
    }
    const to = response.headers.get("location");
    if (to !== null) url = new URL(to, url);
    else if (url.pathname.startsWith("/interaction/"))
      url = new URL(`?${new URLSearchParams({ account: subject, how })}`, url);
    else throw new Error(`the provider answered ${response.status} at ${url.pathname}: ${await response.text()}`);
  }
  throw new Error("the provider leads nowhere");
}
