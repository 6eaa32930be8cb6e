// breaks: layer-recorder-report owner-of-csv-stringify
import "csv-stringify/sync";
import "../../../../../recorder/api/roles.ts";
