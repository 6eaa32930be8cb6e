// breaks: layer-recorder-access
import "../../../../../recorder/session/session.ts";
