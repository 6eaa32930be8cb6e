// Starts the page of an evidence bundle: reads what stands beside it, if anything, and shows it.
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/components.css";
import "../styles/lists.css";
import "../styles/player.css";
import "../styles/lanes.css";
import "../styles/side.css";
import "./bundle.css";
import { render } from "preact";
import { carriedFiles, installCarrier } from "./files.ts";
import { BundlePage } from "./page.tsx";

installCarrier();
const root = document.getElementById("app");
void carriedFiles().then((carried) => {
  if (root !== null) render(<BundlePage carried={carried} />, root);
});
