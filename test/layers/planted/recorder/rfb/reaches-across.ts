// breaks: layer-recorder-rfb
import "../../../../../recorder/session/session.ts";
