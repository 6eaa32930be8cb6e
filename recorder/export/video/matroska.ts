// A minimal Matroska writer: one track of uncompressed pictures, each with its own time, for ffmpeg to read from a pipe
// (RFC 8794, RFC 9559). Nothing is known of the end when it begins: the segment has no size, each picture is a cluster.

export interface PictureTrack {
  width: number;
  height: number;
  /** `I420`: planar 4:2:0 in BT.709's limited range. `RGBA`: four bytes a pixel. */
  layout: "I420" | "RGBA";
}

const id = {
  ebml: 0x1a45dfa3,
  docType: 0x4282,
  docTypeVersion: 0x4287,
  docTypeReadVersion: 0x4285,
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  muxingApp: 0x4d80,
  writingApp: 0x5741,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackUid: 0x73c5,
  trackType: 0x83,
  flagLacing: 0x9c,
  codecId: 0x86,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  uncompressedFourCc: 0x2eb524,
  colour: 0x55b0,
  matrixCoefficients: 0x55b1,
  range: 0x55b9,
  transferCharacteristics: 0x55ba,
  primaries: 0x55bb,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
} as const;

const unknownSize = Buffer.from([0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
const nanosecondsPerMillisecond = 1_000_000;
const videoType = 1;
const bt709 = 1;
const limitedRange = 1;

/** What stands before the first picture. */
export function matroskaHead({ width, height, layout }: PictureTrack): Buffer {
  const colour =
    layout === "RGBA"
      ? []
      : [
          element(
            id.colour,
            number(id.matrixCoefficients, bt709),
            number(id.range, limitedRange),
            number(id.transferCharacteristics, bt709),
            number(id.primaries, bt709),
          ),
        ];
  const video = element(
    id.video,
    number(id.pixelWidth, width),
    number(id.pixelHeight, height),
    element(id.uncompressedFourCc, Buffer.from(layout, "latin1")),
    ...colour,
  );
  const track = element(
    id.trackEntry,
    number(id.trackNumber, 1),
    number(id.trackUid, 1),
    number(id.trackType, videoType),
    number(id.flagLacing, 0),
    element(id.codecId, Buffer.from("V_UNCOMPRESSED", "latin1")),
    video,
  );
  return Buffer.concat([
    element(
      id.ebml,
      element(id.docType, Buffer.from("matroska", "latin1")),
      number(id.docTypeVersion, 4),
      number(id.docTypeReadVersion, 2),
    ),
    idBytes(id.segment),
    unknownSize,
    element(
      id.info,
      number(id.timestampScale, nanosecondsPerMillisecond),
      element(id.muxingApp, Buffer.from("conduit", "latin1")),
      element(id.writingApp, Buffer.from("conduit", "latin1")),
    ),
    element(id.tracks, track),
  ]);
}

/** What stands before a picture's bytes. */
export function matroskaPicture(atMs: number, bytes: number): Buffer {
  // Track 1, no time beside the cluster's, a picture of its own.
  const block = Buffer.from([0x81, 0x00, 0x00, 0x80]);
  const stamp = number(id.timestamp, atMs);
  const blockHead = Buffer.concat([idBytes(id.simpleBlock), size(block.length + bytes), block]);
  return Buffer.concat([idBytes(id.cluster), size(stamp.length + blockHead.length + bytes), stamp, blockHead]);
}

function element(elementId: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([idBytes(elementId), size(body.length), body]);
}

function number(elementId: number, value: number): Buffer {
  return element(elementId, bytesOf(value));
}

/** An id is written with its length marker, as the specification prints it. */
function idBytes(elementId: number): Buffer {
  return bytesOf(elementId);
}

function bytesOf(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from(bytes);
}

/** Always in eight bytes (RFC 8794 §4). */
function size(bytes: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(bytes));
  out[0] = 0x01;
  return out;
}
