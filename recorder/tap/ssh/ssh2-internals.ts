// The only file that knows what lies behind ssh2's public surface. ssh2 does transport and user authentication; the
// connection protocol is ours (mux.ts), because ssh2's channels lose pty modes, share one stall flag between stdout and
// stderr, and hide half-close. Written for the pinned ssh2 1.17; `openTransport` refuses anything that looks different.
import type { Socket } from "node:net";
import { AppError } from "../../../shared/errors.ts";
import { fillWithPadding, type PacketMemory } from "./packet-memory.ts";

export interface Ssh2Protocol {
  _onPayload(payload: Buffer): unknown;
  _onPacket(): void;
  _onHandshakeComplete(...args: unknown[]): void;
  /** Undefined but while keys are being exchanged. */
  _kexinit: unknown;
  _kex: { remoteExtInfoEnabled: boolean; sessionID: Buffer } | undefined;
  _queue: unknown[] | undefined;
  _decipher: { _packet?: Uint8Array | null } | undefined;
  _cipher: { encrypt(packet: Buffer): void; allocPacket(payloadBytes: number): Buffer };
  _packetRW: {
    write: {
      allocStart: number;
      allocStartKEX: number;
      alloc(size: number, force?: boolean): Buffer;
      finalize(packet: Buffer, force?: boolean): Buffer;
    };
  };
  /** Gone once the connection is unusable. */
  _destruct: unknown;
  rekey(): void;
}

export interface Ssh2Connection {
  readonly _protocol: Ssh2Protocol;
  readonly _sock: Socket;
}

/** The protocol object of a `Client` or of a server's connection. */
export function protocolOf(connection: unknown): Ssh2Protocol {
  const protocol = (connection as Partial<Ssh2Connection>)._protocol;
  if (
    protocol === undefined ||
    typeof protocol._onPayload !== "function" ||
    typeof protocol._onPacket !== "function" ||
    typeof protocol._packetRW?.write?.alloc !== "function"
  ) {
    throw new AppError(
      "INTERNAL",
      "This ssh2 is not the version that the SSH tap was written for; install ssh2 1.17.",
      {
        op: "ssh.transport",
      },
    );
  }
  return protocol;
}

/** Sends one payload; during a key exchange ssh2 queues it until the new keys are in force. */
export function sendPayload(protocol: Ssh2Protocol, head: Buffer, body?: Buffer): void {
  const write = protocol._packetRW.write;
  const packet = write.alloc(head.length + (body?.length ?? 0));
  const start = write.allocStart;
  packet.set(head, start);
  if (body !== undefined) packet.set(body, start + head.length);
  const final = write.finalize(packet);
  if (protocol._kexinit !== undefined) {
    protocol._queue ??= [];
    protocol._queue.push(final);
  } else {
    protocol._cipher.encrypt(final);
  }
}

/** Sends at once, a key exchange or not: only for SSH_MSG_DISCONNECT. */
export function sendUrgent(protocol: Ssh2Protocol, payload: Buffer): void {
  const write = protocol._packetRW.write;
  const packet = write.alloc(payload.length, true);
  packet.set(payload, write.allocStartKEX);
  protocol._cipher.encrypt(write.finalize(packet, true));
}

/** Sends EXT_INFO (RFC 8308) with our own list: ssh2's names algorithms that we refuse and runs two names together. */
export function announceSignatureAlgorithms(protocol: Ssh2Protocol, extInfo: Buffer): void {
  const complete = protocol._onHandshakeComplete;
  let first = true;
  protocol._onHandshakeComplete = (...args) => {
    const kex = protocol._kex;
    if (first && kex?.remoteExtInfoEnabled === true) {
      kex.remoteExtInfoEnabled = false;
      sendPayload(protocol, extInfo);
    }
    first = false;
    complete(...args);
  };
}

/** Whether ssh2 keeps a view of this memory beyond the call: a packet whose tag is still to come, or a key exchange. */
export function holdsView(protocol: Ssh2Protocol, memory: Buffer): boolean {
  return protocol._kexinit !== undefined || protocol._decipher?._packet?.buffer === memory.buffer;
}

const tagBytes = 16;
/** Of ssh2's native AEAD ciphers: what the part of a packet that is encrypted is padded to. */
const blockBytesOf: Readonly<Record<string, number>> = { AESGCMCipherBinding: 16, ChaChaPolyCipherBinding: 8 };

/**
 * Packets for the ciphers in force from `memory`, with padding drawn in bulk (RFC 4253 §6: at least four random bytes).
 * Call after each key exchange; ciphers that are not known here keep ssh2's own way.
 */
export function usePacketMemory(protocol: Ssh2Protocol, memory: PacketMemory): void {
  const cipher = protocol._cipher;
  const blockBytes = blockBytesOf[cipher.constructor.name];
  if (blockBytes === undefined) return;
  cipher.allocPacket = (payloadBytes) => {
    let padBytes = blockBytes - ((1 + payloadBytes) & (blockBytes - 1));
    if (padBytes < 4) padBytes += blockBytes;
    const packet = memory.take(4 + 1 + payloadBytes + padBytes + tagBytes);
    packet.writeUInt32BE(1 + payloadBytes + padBytes, 0);
    packet[4] = padBytes;
    fillWithPadding(packet, 5 + payloadBytes, padBytes);
    return packet;
  };
}
