// Starts the app: theme, router, account, first view. A link to a recording starts loading it at once, beside the
// sign-in check, since the first picture should not wait for either.
import "./styles/index.css";
import { render } from "preact";
import { loadAccount } from "./account.ts";
import { installPrinting } from "./printing.ts";
import { providerAnswer, takeProviderAnswer } from "./provider.ts";
import { installRouter, route } from "./router.ts";
import { installTheme } from "./theme.ts";
import { App } from "./views/app.tsx";
import { prepareRecording } from "./views/recording/prepare.ts";

installTheme();
installPrinting();
takeProviderAnswer();
installRouter();
// Back from the identity provider, who it is comes with its answer.
if (providerAnswer.get() === null) void loadAccount();
const first = route.get();
if (first.view === "recording") prepareRecording(first.session, 0);
route.subscribe((next) => {
  if (next.view === "recording") prepareRecording(next.session);
});
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
