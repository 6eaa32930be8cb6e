// breaks: layer-recorder-siem
import "../../../../../recorder/ledger/ledger.ts";
