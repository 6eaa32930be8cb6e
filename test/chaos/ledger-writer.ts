// Appends to a ledger and says what was acknowledged, until it is killed.
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { writeSync } from "node:fs";
import { Ledger } from "../../recorder/ledger/ledger.ts";

const [directory = "", pem = "", run = ""] = process.argv.slice(2);
const key = createPrivateKey(pem);
const ledger = await Ledger.open({
  directory,
  recorderId: "plant-a",
  signer: {
    publicKey: new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32)),
    sign: (bytes) => sign(null, bytes, key),
  },
  maxFileBytes: 20_000,
});

const say = (text: string) => writeSync(1, `${text}\n`);
say(`opened ${ledger.size}`);
for (let i = 0; ; i++) {
  const batch = Array.from({ length: 1 + (i % 7) }, async (_, k) => {
    const text = `${run}.${i}.${k} ${"x".repeat((i * 37 + k * 11) % 400)}`;
    const { n } = await ledger.append({ type: "alarm", actor: "recorder", subject: "plant-a", facts: { text } });
    say(`acknowledged ${n} ${text}`);
  });
  await Promise.all(batch);
  if (i % 5 === 0) {
    const { size, note } = await ledger.checkpoint();
    say(`checkpoint ${size} ${Buffer.from(note).toString("base64")}`);
  }
}
