// Frames of zstd data (RFC 8878, section 3.1.1): where they end, and one whose content is stored as it is. Node's one-shot
// decompressor stops after the first frame and takes some cut frames for whole ones, without a word; who knows the frames
// can give it one after the other.
const frameMagic = 0xfd2fb528;
const dictionaryIdBytes = [0, 1, 2, 4];
const contentSizeBytes = [0, 2, 4, 8];
const reservedBlock = 3;
const rleBlock = 1;

/** Each frame's bytes, in order. Throws when the data is not whole frames to its last byte. */
export function zstdFrames(data: Uint8Array): Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < data.length; ) {
    const end = frameEnd(view, at);
    frames.push(data.subarray(at, end));
    at = end;
  }
  return frames;
}

/** What a frame says that it holds, in bytes; null where it does not say (RFC 8878, section 3.1.1.1.4). */
export function contentBytes(frame: Uint8Array): number | null {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const at = 5 + (singleSegment ? 0 : 1) + (dictionaryIdBytes[descriptor & 3] ?? 0);
  switch (descriptor >> 6) {
    case 0:
      return singleSegment ? view.getUint8(at) : null;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

/** A DataView throws a RangeError past the end of the data: then the frame is cut. */
function frameEnd(view: DataView, start: number): number {
  if (view.getUint32(start, true) !== frameMagic) throw new Error(`no zstd frame begins at byte ${start}`);
  const descriptor = view.getUint8(start + 4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 && singleSegment ? 1 : (contentSizeBytes[sizeFlag] ?? 0);
  let at = start + 5 + (singleSegment ? 0 : 1) + (dictionaryIdBytes[descriptor & 3] ?? 0) + sizeBytes;
  for (let last = false; !last; ) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const type = (header >> 1) & 3;
    if (type === reservedBlock) throw new Error(`a zstd block at byte ${at} is of no known type`);
    at += 3 + (type === rleBlock ? 1 : header >> 3);
    last = (header & 1) !== 0;
  }
  if ((descriptor & 4) !== 0) at += 4;
  if (at > view.byteLength) throw new Error("the last zstd frame is cut");
  return at;
}

const maxBlockBytes = 128 * 1024;

/** A frame of raw blocks, in pieces of which those with the content are views of it. */
export function storedFrame(content: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += maxBlockBytes) {
    const end = Math.min(at + maxBlockBytes, content.length);
    const head = Buffer.alloc(at === 0 ? 12 : 3);
    if (at === 0) {
      head.writeUInt32LE(frameMagic, 0);
      // One segment, the content's size in four bytes, no checksum.
      head[4] = 0xa0;
      head.writeUInt32LE(content.length, 5);
    }
    head.writeUIntLE(((end - at) << 3) | (end === content.length ? 1 : 0), head.length - 3, 3);
    pieces.push(head, content.subarray(at, end));
  }
  return pieces;
}
