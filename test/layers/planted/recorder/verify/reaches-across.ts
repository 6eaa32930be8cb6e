// breaks: layer-recorder-verify
import "../../../../../recorder/session/session.ts";
