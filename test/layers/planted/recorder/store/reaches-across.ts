// breaks: layer-recorder-store
import "../../../../../recorder/session/session.ts";
