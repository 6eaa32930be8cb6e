// breaks: layer-recorder-tap
import "../../../../../recorder/session/session.ts";
