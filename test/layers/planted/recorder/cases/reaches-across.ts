// breaks: layer-recorder-cases
import "../../../../../recorder/session/session.ts";
