// A file that the operator writes: collected in quarantine; at CLOSE (and fsync) completed with what of the target's file
// stays, scanned whole, and only then written to the target. Invariant: no byte reaches the target before the whole that
// it becomes part of was called clean.
import { packet } from "../sftp/protocol.ts";
import type { HoldChannel } from "./channel-hold.ts";
import { type HeldHandle, notAFile, refuseTooLarge, relay } from "./held-read.ts";
import { printable, printableName } from "./printable.ts";
import { Ranges } from "./ranges.ts";
import {
  type Attrs,
  attrsPart,
  dataPacket,
  isEmptyAttrs,
  isRegular,
  sftpPacket,
  statusCode,
  statusPacket,
} from "./sftp-packets.ts";
import { type SftpTarget, TargetStatus } from "./sftp-target.ts";
import { FileRefused, isRefusal, type Transfer } from "./transfer.ts";

export const openFlag = { read: 0x01, write: 0x02, append: 0x04, creat: 0x08, trunc: 0x10, excl: 0x20 } as const;
const maxReadBytes = 255 * 1024;

export class HeldWrite implements HeldHandle {
  readonly transfer: Transfer;
  readonly #channel: HoldChannel;
  readonly #target: SftpTarget;
  readonly #path: Buffer;
  /** Of the next release: after a first one the whole is written anew. */
  #flags: number;
  readonly #openAttrs: Attrs;
  readonly #written = new Ranges();
  /** Where the next append goes: the file's size as it was found. */
  #appendAt: number | undefined;
  readonly #foundBytes: number;
  /** What FSETSTAT asked for, applied at the release. */
  #attrs: Attrs = {};
  /** The least size it was cut to: nothing of the target's file beyond it stays. */
  #cutTo = Number.MAX_SAFE_INTEGER;
  #dirty: boolean;
  /** Refused: every further request says so. */
  #refusal: string | undefined;

  private constructor(
    channel: HoldChannel,
    target: SftpTarget,
    transfer: Transfer,
    file: { path: Buffer; flags: number; attrs: Attrs; foundBytes: number },
  ) {
    this.#channel = channel;
    this.#target = target;
    this.transfer = transfer;
    this.#path = file.path;
    this.#flags = file.flags;
    this.#openAttrs = file.attrs;
    this.#foundBytes = file.foundBytes;
    if ((file.flags & openFlag.append) !== 0) {
      this.#appendAt = (file.flags & openFlag.trunc) === 0 ? file.foundBytes : 0;
    }
    // To create or to empty a file changes it, though nothing is written.
    this.#dirty = (file.flags & (openFlag.creat | openFlag.trunc)) !== 0;
  }

  /** Asks the target beforehand what can be asked without changing anything: CLOSE is late to learn of a wrong path. */
  static async open(
    channel: HoldChannel,
    target: SftpTarget,
    transfer: Transfer,
    file: { path: Buffer; flags: number; attrs: Attrs },
  ): Promise<HeldWrite> {
    const { path, flags } = file;
    const found = await statOrMissing(target, path);
    if (found === undefined) {
      if ((flags & openFlag.creat) === 0) throw new TargetStatus(statusCode.noSuchFile, "No such file");
      await target.stat(folderOf(path));
    } else {
      if ((flags & openFlag.excl) !== 0) throw new TargetStatus(statusCode.failure, "The file exists already");
      if (!isRegular(found)) {
        throw notAFile();
      }
      if ((flags & openFlag.read) !== 0 && (flags & openFlag.trunc) === 0) {
        throw new FileRefused(
          "read-and-write",
          "a file cannot be read and changed through one handle while it is held until it is scanned",
        );
      }
      if ((flags & openFlag.trunc) === 0) refuseTooLarge(found.size ?? 0, channel.hold.maxFileBytes);
      await target.close(await target.open(path, openFlag.write));
    }
    await transfer.begin();
    return new HeldWrite(channel, target, transfer, { ...file, foundBytes: found?.size ?? 0 });
  }

  async read(id: number, offset: number, length: number): Promise<Buffer> {
    if (this.#refusal !== undefined) return statusPacket(id, statusCode.failure, this.#refusal);
    if ((this.#flags & openFlag.read) === 0) {
      return statusPacket(id, statusCode.permissionDenied, "The file was opened for writing");
    }
    const data = await this.transfer.held.read(offset, Math.min(length, maxReadBytes));
    return data.length === 0 ? statusPacket(id, statusCode.eof, "End of file") : dataPacket(id, data);
  }

  async write(id: number, offset: number, data: Buffer): Promise<Buffer> {
    if (this.#refusal !== undefined) return statusPacket(id, statusCode.failure, this.#refusal);
    if (data.length === 0) return statusPacket(id, statusCode.ok, "");
    const at = this.#appendAt ?? offset;
    try {
      await this.transfer.held.write(at, data);
      if (!this.#written.add(at, at + data.length)) {
        throw new FileRefused("scattered", "it is written in too many pieces to be held until it is scanned");
      }
    } catch (error) {
      return this.#refused(id, error);
    }
    if (this.#appendAt !== undefined) this.#appendAt += data.length;
    // It was cut before, and grows again.
    const { size } = this.#attrs;
    if (size !== undefined) this.#attrs = { ...this.#attrs, size: Math.max(size, at + data.length) };
    this.#dirty = true;
    return statusPacket(id, statusCode.ok, "");
  }

  async fstat(id: number): Promise<Buffer> {
    const found = (await statOrMissing(this.#target, this.#path)) ?? {};
    const stays = (this.#flags & openFlag.trunc) === 0 ? Math.min(this.#foundBytes, this.#cutTo) : 0;
    const size = Math.max(stays, this.transfer.held.size);
    return sftpPacket(packet.attrs, id, attrsPart({ ...found, ...this.#attrs, size }));
  }

  async fsetstat(id: number, attrs: Attrs): Promise<Buffer> {
    if (this.#refusal !== undefined) return statusPacket(id, statusCode.failure, this.#refusal);
    const { size, ...others } = attrs;
    this.#attrs = { ...this.#attrs, ...others };
    if (size !== undefined) {
      try {
        await this.#resize(size);
      } catch (error) {
        return this.#refused(id, error);
      }
    }
    return statusPacket(id, statusCode.ok, "");
  }

  async fsync(id: number): Promise<Buffer> {
    return this.#release(id);
  }

  fstatvfs(id: number): Promise<Buffer> {
    return relay(this.#target, id, packet.extended, "statvfs@openssh.com", folderOf(this.#path));
  }

  async close(id: number): Promise<Buffer> {
    const answer = await this.#release(id);
    this.transfer.done();
    return answer;
  }

  async #resize(size: number): Promise<void> {
    refuseTooLarge(size, this.#channel.hold.maxFileBytes);
    await this.transfer.held.truncate(size);
    this.#written.cut(size);
    this.#cutTo = Math.min(this.#cutTo, size);
    this.#attrs = { ...this.#attrs, size };
    if (this.#appendAt !== undefined) this.#appendAt = size;
    this.#dirty = true;
  }

  /** Scans and writes what is not at the target yet. */
  async #release(id: number): Promise<Buffer> {
    if (this.#refusal !== undefined) return statusPacket(id, statusCode.failure, this.#refusal);
    if (!this.#dirty && isEmptyAttrs(this.#attrs)) return statusPacket(id, statusCode.ok, "");
    try {
      await this.#scanAndSend();
    } catch (error) {
      if (error instanceof TargetStatus) {
        const refusal = new FileRefused("target-refused", `the target says: ${error.message || `code ${error.code}`}`);
        this.#refusal = this.transfer.refuse(refusal);
        return statusPacket(id, error.code, error.message);
      }
      return this.#refused(id, error);
    }
    return statusPacket(id, statusCode.ok, "");
  }

  /** Where something of the target's file stays, nobody else may hand on anything between the scan and the writing. */
  async #scanAndSend(): Promise<void> {
    const replaces = (this.#flags & (openFlag.trunc | openFlag.excl)) !== 0;
    if (!this.#dirty) {
      await this.#send([]);
    } else if (replaces || (this.#appendAt === undefined && this.#cutTo === this.transfer.held.size && this.#isWhole)) {
      await this.transfer.clear();
      await this.#channel.alone(() => this.#send([{ from: 0, to: this.transfer.held.size }]));
    } else {
      await this.#channel.alone(async () => {
        await this.#fetchWhatStays();
        await this.transfer.clear();
        await this.#send(this.#written.list);
      });
    }
    this.#dirty = false;
    this.#attrs = {};
    this.#flags = openFlag.write | openFlag.creat | openFlag.trunc | (this.#flags & openFlag.read);
  }

  get #isWhole(): boolean {
    return this.#written.holes(this.transfer.held.size).length === 0;
  }

  async #fetchWhatStays(): Promise<void> {
    const { held } = this.transfer;
    let handle: Buffer;
    try {
      handle = await this.#target.open(this.#path, openFlag.read);
    } catch (error) {
      if (error instanceof TargetStatus && error.code === statusCode.noSuchFile) {
        if (this.#appendAt !== undefined && this.#foundBytes > 0) throw changed();
        return;
      }
      if (!(error instanceof TargetStatus)) throw error;
      throw new FileRefused(
        "unreadable",
        `what it already holds cannot be read, so that the whole cannot be scanned (${error.message})`,
      );
    }
    try {
      const size = (await this.#target.fstat(handle)).size ?? 0;
      if (this.#appendAt !== undefined && size !== this.#foundBytes) throw changed();
      const stays = Math.min(size, this.#cutTo);
      refuseTooLarge(Math.max(stays, held.size), this.#channel.hold.maxFileBytes);
      for (const { from, to } of this.#written.holes(stays)) {
        const { progress } = this.transfer;
        const end = await this.#target.fetch(handle, from, to, held, (bytes) =>
          progress.at("fetching", bytes / (to - from)),
        );
        if (end < to) throw changed();
      }
    } finally {
      this.#target.close(handle).catch(() => undefined);
    }
  }

  async #send(ranges: readonly { from: number; to: number }[]): Promise<void> {
    const { held, progress } = this.transfer;
    await this.#channel.mayPass();
    const flags =
      ranges.length === 0 && !this.#dirty ? openFlag.write : (this.#flags & ~openFlag.append) | openFlag.write;
    const handle = await this.#target.open(this.#path, flags & ~openFlag.read, this.#openAttrs);
    try {
      const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
      let sent = 0;
      // It was cut and grew again: what the target still has there is not what was scanned.
      if (this.#cutTo < (this.#attrs.size ?? 0)) await this.#target.fsetstat(handle, { size: this.#cutTo });
      for (const { from, to } of ranges) {
        await this.#target.put(
          handle,
          from,
          to,
          async (offset, length) => {
            await this.#channel.mayPass();
            return held.read(offset, length);
          },
          (bytes) => {
            sent += bytes;
            progress.at("sending", sent / total);
          },
        );
      }
      await this.#setAttrs(handle);
    } catch (error) {
      this.#target.close(handle).catch(() => undefined);
      throw error;
    } finally {
      this.transfer.quiet();
    }
    await this.#target.close(handle);
  }

  /** The size is part of the contents; the rest is told where the target does not take it. */
  async #setAttrs(handle: Buffer): Promise<void> {
    const { size, ...others } = this.#attrs;
    if (size !== undefined) await this.#target.fsetstat(handle, { size });
    try {
      await this.#target.fsetstat(handle, others);
    } catch (error) {
      if (!(error instanceof TargetStatus)) throw error;
      this.#channel.say(
        `${printableName(this.transfer.path)} arrived, but the target did not take its attributes: ${printable(error.message)}`,
      );
    }
  }

  #refused(id: number, error: unknown): Buffer {
    if (!isRefusal(error)) throw error;
    this.#refusal = this.transfer.refuse(error);
    return statusPacket(id, statusCode.failure, this.#refusal);
  }
}

function changed(): FileRefused {
  return new FileRefused("changed-meanwhile", "the target's file changed while this one was held; send it again");
}

async function statOrMissing(target: SftpTarget, path: Buffer): Promise<Attrs | undefined> {
  try {
    return await target.stat(path);
  } catch (error) {
    if (error instanceof TargetStatus && error.code === statusCode.noSuchFile) return undefined;
    throw error;
  }
}

function folderOf(path: Buffer): Buffer {
  const slash = path.lastIndexOf(0x2f);
  if (slash < 0) return Buffer.from(".");
  return slash === 0 ? Buffer.from("/") : path.subarray(0, slash);
}
