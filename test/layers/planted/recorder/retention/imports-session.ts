// breaks: layer-recorder-retention
import "../../../../../recorder/session/session.ts";
