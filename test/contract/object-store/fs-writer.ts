// Writes objects until it is killed; tells each acknowledged key. An object's name is the hash of its bytes.
import { createHash, randomBytes } from "node:crypto";
import { createStore } from "../../../recorder/store/create-store.ts";

const [directory = "", round = ""] = process.argv.slice(2);
const store = createStore({ kind: "fs", directory });

async function write(): Promise<never> {
  for (;;) {
    const body = randomBytes(1 + Math.floor(Math.random() * 3_000_000));
    const sha256 = createHash("sha256").update(body).digest("hex");
    const key = `${round}/${sha256.slice(0, 1)}/${sha256}`;
    await store.put(key, body, { sha256 });
    process.send?.(key);
  }
}
await Promise.all([write(), write(), write()]);
