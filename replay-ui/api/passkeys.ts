// The browser's side of passkeys. Loaded only where one is asked for.
import { startAuthentication, startRegistration, WebAuthnError } from "@simplewebauthn/browser";
import type { PasskeyAssertion, PasskeyRegistration } from "../../shared/api/webauthn.ts";

type AskedToAnswer = Parameters<typeof startAuthentication>[0]["optionsJSON"];
type AskedToMake = Parameters<typeof startRegistration>[0]["optionsJSON"];

/** Rejects with a sentence for people. @param options as the recorder asked. */
export async function answerWithPasskey(options: object): Promise<PasskeyAssertion> {
  return startAuthentication({ optionsJSON: options as AskedToAnswer }).catch(explain);
}

export async function makePasskey(options: object): Promise<PasskeyRegistration> {
  return startRegistration({ optionsJSON: options as AskedToMake }).catch(explain);
}

function explain(error: unknown): never {
  if (error instanceof WebAuthnError && error.code === "ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED") {
    throw new Error("This device has a passkey for this portal already.", { cause: error });
  }
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError" || name === "AbortError") {
    throw new Error("No passkey was given: it was cancelled, took too long, or this device has none for this portal.", {
      cause: error,
    });
  }
  if (name === "SecurityError") {
    throw new Error("The browser refuses passkeys at this address: open the portal by its own name.", { cause: error });
  }
  throw new Error("The browser could not use a passkey.", { cause: error });
}
