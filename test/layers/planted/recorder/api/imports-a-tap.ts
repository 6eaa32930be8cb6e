// breaks: layer-recorder-api
import "../../../../../recorder/tap/tap.ts";
