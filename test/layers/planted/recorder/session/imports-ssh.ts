// breaks: layer-recorder-session
import "../../../../../recorder/tap/registry.ts";
