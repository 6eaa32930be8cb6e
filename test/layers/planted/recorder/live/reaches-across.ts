// breaks: layer-recorder-live
import "../../../../../recorder/session/session.ts";
