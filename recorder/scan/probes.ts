// Contents whose verdict is known: they show whether a scanner looks for anything at all, and whether it says so when it
// cannot look.
const localHeader = 0x04034b50;
const centralHeader = 0x02014b50;
const centralEnd = 0x06054b50;
/** General purpose bit 0 (APPNOTE §4.4.4). */
const encryptedFlag = 1;

/** Harmless, and agreed upon: scanners report it (eicar.org). In two parts, so that this program's own file is not reported. */
export const eicarProbe = Buffer.from(
  [String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-`, "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join(""),
);

/** A zip with one stored file of one byte, said to be encrypted. */
export function encryptedProbe(): Buffer {
  const name = Buffer.from("a");
  const contents = Buffer.from("thirteen byte");
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(encryptedFlag, 2);
  common.writeUInt32LE(contents.length, 14);
  common.writeUInt32LE(1, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([uint32(localHeader), common, name, contents]);
  const central = Buffer.concat([uint32(centralHeader), Buffer.from([20, 0]), common, Buffer.alloc(14), name]);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(1, 4);
  end.writeUInt16LE(1, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(local.length, 12);
  return Buffer.concat([local, central, uint32(centralEnd), end]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
