// breaks: layer-recorder-scan
import "../../../../../recorder/tap/tap.ts";
