// breaks: layer-recorder-metrics
import "../../../../../recorder/session/session.ts";
