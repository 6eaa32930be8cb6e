// breaks: layer-recorder-ledger
import "../../../../../recorder/session/session.ts";
