// An SFTP server over files in memory, as far as the gateway and the tests ask it, and a quarantine in memory whose scanner
// finds two bytes that stand next to each other.
import type { FileHold, HeldFile } from "../../../recorder/tap/file-hold.ts";
import {
  attrsPart,
  dataPacket,
  PacketAssembler,
  parseAttrs,
  sftpPacket,
  statusPacket,
} from "../../../recorder/tap/ssh/held-files/sftp-packets.ts";
import { packet } from "../../../recorder/tap/ssh/sftp/protocol.ts";
import { WireReader } from "../../../recorder/tap/ssh/wire.ts";

const regular = 0o100644;
export const bad = Buffer.from([0xb1, 0xb2]);

interface Handle {
  path: string;
  append: boolean;
  reads: boolean;
  writes: boolean;
}

export class MemorySftp {
  readonly files = new Map<string, Buffer>();
  readonly #handles = new Map<string, Handle>();
  #next = 0;
  readonly #packets: PacketAssembler;
  /** Every state that any file was ever in. */
  readonly states: { path: string; contents: Buffer }[] = [];

  constructor(answer: (bytes: Buffer) => void) {
    this.#packets = new PacketAssembler((type, body) => answer(this.#answer(type, body)));
  }

  receive(bytes: Buffer): void {
    this.#packets.feed(bytes);
  }

  #answer(type: number, body: Buffer): Buffer {
    const reader = new WireReader(body);
    if (type === packet.init) return sftpPacket(packet.version, 3, "posix-rename@openssh.com", "1", "copy-data", "1");
    const id = reader.uint32();
    switch (type) {
      case packet.open:
        return this.#open(id, reader.text(), reader.uint32());
      case packet.close:
        return statusPacket(id, this.#handles.delete(reader.text()) ? 0 : 4, "");
      case packet.read: {
        const file = this.#of(reader);
        if (file?.reads === false) return statusPacket(id, 3, "");
        const offset = number(reader);
        const data = file?.contents.subarray(offset, offset + reader.uint32());
        return data === undefined || data.length === 0 ? statusPacket(id, 1, "") : dataPacket(id, data);
      }
      case packet.write: {
        const file = this.#of(reader);
        if (file?.writes !== true) return statusPacket(id, 3, "");
        const asked = number(reader);
        const data = reader.string();
        if (data.length === 0) return statusPacket(id, 0, "");
        const at = file.append ? file.contents.length : asked;
        const grown = Buffer.alloc(Math.max(file.contents.length, at + data.length));
        file.contents.copy(grown);
        data.copy(grown, at);
        this.#set(file.path, grown);
        return statusPacket(id, 0, "");
      }
      case packet.fstat: {
        const file = this.#of(reader);
        return file === undefined ? statusPacket(id, 4, "") : this.#attrs(id, file.contents);
      }
      case packet.stat: {
        const path = reader.text();
        const contents = this.files.get(path);
        if (path === "/") return sftpPacket(packet.attrs, id, attrsPart({ permissions: 0o40755 }));
        return contents === undefined ? statusPacket(id, 2, "") : this.#attrs(id, contents);
      }
      case packet.fsetstat: {
        const file = this.#of(reader);
        const { size } = parseAttrs(reader);
        if (file?.writes !== true) return statusPacket(id, 4, "");
        if (size !== undefined) {
          const resized = Buffer.alloc(size);
          file.contents.copy(resized);
          this.#set(file.path, resized);
        }
        return statusPacket(id, 0, "");
      }
      case packet.rename: {
        const from = reader.text();
        const to = reader.text();
        const contents = this.files.get(from);
        if (contents === undefined || this.files.has(to)) return statusPacket(id, 4, "");
        this.files.delete(from);
        this.#set(to, contents);
        return statusPacket(id, 0, "");
      }
      default:
        return statusPacket(id, 8, "");
    }
  }

  #open(id: number, path: string, flags: number): Buffer {
    const has = this.files.has(path);
    if (!has && (flags & 0x08) === 0) return statusPacket(id, 2, "");
    if (has && (flags & 0x20) !== 0) return statusPacket(id, 4, "");
    if (!has || (flags & 0x10) !== 0) this.#set(path, Buffer.alloc(0));
    const name = `target-${this.#next++}`;
    this.#handles.set(name, {
      path,
      append: (flags & 0x04) !== 0,
      reads: (flags & 0x01) !== 0,
      writes: (flags & 0x06) !== 0,
    });
    return sftpPacket(packet.handle, id, name);
  }

  #of(reader: WireReader): (Handle & { contents: Buffer }) | undefined {
    const handle = this.#handles.get(reader.text());
    return handle === undefined ? undefined : { ...handle, contents: this.files.get(handle.path) ?? Buffer.alloc(0) };
  }

  #attrs(id: number, contents: Buffer): Buffer {
    return sftpPacket(packet.attrs, id, attrsPart({ size: contents.length, permissions: regular }));
  }

  #set(path: string, contents: Buffer): void {
    this.files.set(path, contents);
    this.states.push({ path, contents });
  }
}

function number(reader: WireReader): number {
  return reader.uint32() * 2 ** 32 + reader.uint32();
}

export const memoryHold: FileHold = {
  maxFileBytes: 1e6,
  open: async () => new MemoryFile(),
};

class MemoryFile implements HeldFile {
  #contents = Buffer.alloc(0);

  get size(): number {
    return this.#contents.length;
  }
  async write(offset: number, data: Uint8Array): Promise<void> {
    const grown = Buffer.alloc(Math.max(this.size, offset + data.length));
    this.#contents.copy(grown);
    grown.set(data, offset);
    this.#contents = grown;
  }
  async read(offset: number, length: number): Promise<Buffer> {
    return Buffer.from(this.#contents.subarray(offset, offset + length));
  }
  async truncate(size: number): Promise<void> {
    const resized = Buffer.alloc(size);
    this.#contents.copy(resized);
    this.#contents = resized;
  }
  async scan(): ReturnType<HeldFile["scan"]> {
    const facts = { sha256: "", bytes: this.size };
    const scanned = this.#contents;
    await new Promise((resolve) => setImmediate(resolve));
    return scanned.includes(bad) ? { outcome: "infected", signature: "Bad", ...facts } : { outcome: "clean", ...facts };
  }
  async keep(): Promise<string> {
    return "q-1";
  }
  async discard(): Promise<void> {}
}
