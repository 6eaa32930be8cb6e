// A file that the operator reads: fetched whole into quarantine and scanned before the operator's OPEN is answered; its
// bytes come from there alone. The target's handle stays open for what is asked of its attributes.
import { packet, sftpLimit } from "../sftp/protocol.ts";
import type { WirePart } from "../wire.ts";
import type { HoldChannel } from "./channel-hold.ts";
import { type Attrs, attrsPart, dataPacket, isRegular, sftpPacket, statusCode, statusPacket } from "./sftp-packets.ts";
import { type Answer, type SftpTarget, TargetStatus } from "./sftp-target.ts";
import { FileRefused, type Transfer } from "./transfer.ts";

/** OpenSSH gives so much at once; DATA stays below the largest packet. */
const maxReadBytes = 255 * 1024;

/** What may be asked of an open file; each answers the packet for the operator. */
export interface HeldHandle {
  readonly transfer: Transfer;
  read(id: number, offset: number, length: number): Promise<Buffer>;
  write(id: number, offset: number, data: Buffer): Promise<Buffer>;
  fstat(id: number): Promise<Buffer>;
  fsetstat(id: number, attrs: Attrs): Promise<Buffer>;
  fsync(id: number): Promise<Buffer>;
  fstatvfs(id: number): Promise<Buffer>;
  close(id: number): Promise<Buffer>;
}

export class HeldRead implements HeldHandle {
  readonly transfer: Transfer;
  readonly #target: SftpTarget;
  readonly #handle: Buffer;

  private constructor(transfer: Transfer, target: SftpTarget, handle: Buffer) {
    this.transfer = transfer;
    this.#target = target;
    this.#handle = handle;
  }

  static async open(
    channel: HoldChannel,
    target: SftpTarget,
    transfer: Transfer,
    path: Buffer,
    flags: number,
  ): Promise<HeldRead> {
    await refuseSpecial(target, path);
    const handle = await target.open(path, flags);
    try {
      const attrs = await target.fstat(handle);
      if (!isRegular(attrs)) throw notAFile();
      refuseTooLarge(attrs.size ?? 0, channel.hold.maxFileBytes);
      await transfer.begin();
      await fetchInto(transfer, target, handle, attrs.size);
      await transfer.clear();
    } catch (error) {
      target.close(handle).catch(() => undefined);
      throw error;
    }
    return new HeldRead(transfer, target, handle);
  }

  async read(id: number, offset: number, length: number): Promise<Buffer> {
    const data = await this.transfer.held.read(offset, Math.min(length, maxReadBytes));
    return data.length === 0 ? statusPacket(id, statusCode.eof, "End of file") : dataPacket(id, data);
  }

  async write(id: number): Promise<Buffer> {
    return statusPacket(id, statusCode.permissionDenied, "The file was opened for reading");
  }

  fstat(id: number): Promise<Buffer> {
    return relay(this.#target, id, packet.fstat, this.#handle);
  }

  async fsetstat(id: number, attrs: Attrs): Promise<Buffer> {
    if (attrs.size !== undefined) {
      return statusPacket(id, statusCode.permissionDenied, "The file was opened for reading");
    }
    return relay(this.#target, id, packet.fsetstat, this.#handle, attrsPart(attrs));
  }

  fsync(id: number): Promise<Buffer> {
    return relay(this.#target, id, packet.extended, "fsync@openssh.com", this.#handle);
  }

  fstatvfs(id: number): Promise<Buffer> {
    return relay(this.#target, id, packet.extended, "fstatvfs@openssh.com", this.#handle);
  }

  close(id: number): Promise<Buffer> {
    this.transfer.done();
    return relay(this.#target, id, packet.close, this.#handle);
  }
}

/** Before it is opened: a pipe or a device would wait for its other end, and everybody with it. */
async function refuseSpecial(target: SftpTarget, path: Buffer): Promise<void> {
  const attrs = await target.stat(path).catch((error: unknown) => {
    // What cannot be looked at may be opened all the same; opening says why not.
    if (error instanceof TargetStatus) return {};
    throw error;
  });
  if (!isRegular(attrs)) throw notAFile();
}

export function notAFile(): FileRefused {
  return new FileRefused("not-a-file", "only regular files can be held until they are scanned");
}

export function refuseTooLarge(bytes: number, maxFileBytes: number): void {
  if (bytes <= maxFileBytes) return;
  const limit = maxFileBytes >= 1e6 ? `${Math.floor(maxFileBytes / 1e6)} MB` : `${maxFileBytes} bytes`;
  throw new FileRefused("file-too-large", `it is larger than the ${limit} that can be scanned here`, { bytes });
}

async function fetchInto(
  transfer: Transfer,
  target: SftpTarget,
  handle: Buffer,
  expectedBytes: number | undefined,
): Promise<void> {
  const { held, progress } = transfer;
  progress.at("fetching", expectedBytes === 0 ? undefined : 0);
  const end = await target.fetch(handle, 0, Number.MAX_SAFE_INTEGER, held, (bytes) => {
    progress.at("fetching", expectedBytes ? bytes / expectedBytes : undefined);
  });
  // It became shorter while it was read: what lay beyond is not the file's any more.
  if (held.size > end) await held.truncate(end);
}

/** Asks the target and gives its answer to the operator, under the operator's number. */
export async function relay(target: SftpTarget, id: number, type: number, ...rest: WirePart[]): Promise<Buffer> {
  return relayed(id, await target.ask(type, ...rest));
}

const answerTypes: ReadonlySet<number> = new Set([
  packet.status,
  packet.handle,
  packet.data,
  packet.name,
  packet.attrs,
  packet.extendedReply,
]);

export function relayed(id: number, { type, body }: Answer): Buffer {
  // File contents never come this way.
  if (!answerTypes.has(type) || type === packet.data)
    throw sftpLimit(`the target answered with a packet of type ${type}`);
  return sftpPacket(type, id, { raw: body });
}
