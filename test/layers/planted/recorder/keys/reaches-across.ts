// breaks: layer-recorder-keys
import "../../../../../recorder/session/session.ts";
