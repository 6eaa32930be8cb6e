// breaks: layer-recorder-activity
import "../../../../../recorder/tap/tap.ts";
