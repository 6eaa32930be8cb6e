// A rotation of the master key that is killed at one of its steps: `rotate-and-die.ts STATE KEYFILE STEP`.
import { randomBytes } from "node:crypto";
import { masterKeyFromFile } from "../../../recorder/access/master-key-source.ts";
import { rotateMasterKey } from "../../../recorder/access/rotate-master-key.ts";
import { openDatabase, type StatePlace } from "../../../recorder/database.ts";

const [state = "", keyFile = "", dieAt] = process.argv.slice(2);
const database = await openDatabase(JSON.parse(state) as StatePlace);
await rotateMasterKey(database.access, masterKeyFromFile(keyFile), randomBytes(32), {
  onStep: (step) => {
    if (step === dieAt) process.kill(process.pid, "SIGKILL");
  },
});
