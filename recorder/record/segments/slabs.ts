// Memory in which segments of bytes gather, used again once it is written: new memory for each costs more than all that is
// done with the bytes, in page faults and in collections.

export const slabBytes = 256 * 1024;
const maxFree = 48;
const free: Buffer[] = [];

export function takeSlab(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(slabBytes);
}

export function giveBack(slabs: readonly Buffer[]): void {
  for (const slab of slabs) if (free.length < maxFree) free.push(slab);
}
