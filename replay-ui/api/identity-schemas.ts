// The schemas of what my account and the page for signing in ask. Loaded with the first of these questions.
import "../zod-without-eval.ts";

export {
  ApiTokenList,
  MadeApiToken,
  MyIdentity,
  OwnKeyList,
  ProviderAddress,
  ProviderAnswered,
  SignInWays,
} from "../../shared/api/identity.ts";
export {
  AddedPasskey,
  ConfirmChallenge,
  PasskeyList,
  PasskeyQuestion,
  PasskeyStep,
  PortalCode,
} from "../../shared/api/webauthn.ts";
