// Brings dependencies and the build up to date, and does nothing when they are.
import { buildIfNeeded, installIfNeeded, requireNode } from "./steps.mjs";

requireNode();
installIfNeeded();
buildIfNeeded();
