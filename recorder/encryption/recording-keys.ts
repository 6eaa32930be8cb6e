// Data keys of recordings for whoever in the service reads them: unwrapped from the OPEN record with the identity of its
// month, kept for a while, and overwritten when they are let go. Keys leave here for threads and for the portal only after
// their reader was authorised elsewhere.
import type { EncryptionStream, OpenEncryption } from "../../shared/encryption/scheme.ts";
import { AppError } from "../../shared/errors.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { eraseDataKeys, unwrapDataKey } from "./data-keys.ts";
import type { DataKeys } from "./segment-cipher.ts";

/** Null where there is no such key any more, or never was. */
export type IdentityOf = (month: string) => Promise<string | null>;

export interface RecordingKeysOptions {
  /** Keys of so many recordings are kept in memory. */
  maxKept?: number;
}

interface Kept {
  wrapped: string;
  keys: Partial<DataKeys>;
}

export class RecordingKeys {
  readonly #identityOf: IdentityOf;
  readonly #maxKept: number;
  readonly #kept = new Map<string, Kept>();

  constructor(identityOf: IdentityOf, { maxKept = 200 }: RecordingKeysOptions = {}) {
    this.#identityOf = identityOf;
    this.#maxKept = maxKept;
  }

  /** With identities from files alone, as somebody outside has them. */
  static of(identities: readonly string[]): RecordingKeys {
    return new RecordingKeys(async () => identities.join("\n"));
  }

  /** Copies of the keys that the service has of these streams; none of a recording that is not encrypted. */
  async keysOf(
    open: Pick<OpenRecord, "session" | "encryption">,
    streams: readonly EncryptionStream[],
  ): Promise<Partial<DataKeys>> {
    const { session, encryption } = open;
    if (encryption === undefined) return {};
    const kept = this.#keptOf(session, encryption) ?? (await this.#unwrap(session, encryption));
    const copies: Partial<DataKeys> = {};
    for (const stream of streams) {
      const key = kept.keys[stream];
      if (key !== undefined) copies[stream] = key.slice();
    }
    return copies;
  }

  /** All keys of the month: it is being destroyed, or the service stops. */
  forget(): void {
    for (const session of [...this.#kept.keys()]) this.#drop(session);
  }

  #keptOf(session: string, encryption: OpenEncryption): Kept | undefined {
    const kept = this.#kept.get(session);
    // Another OPEN record than before: what was kept is not of it.
    if (kept === undefined || kept.wrapped !== wrappedOf(encryption)) return undefined;
    this.#kept.delete(session);
    this.#kept.set(session, kept);
    return kept;
  }

  async #unwrap(session: string, encryption: OpenEncryption): Promise<Kept> {
    const identity = await this.#identityOf(encryption.serviceKey ?? "");
    const identities = (identity ?? "").split("\n").filter((line) => line !== "");
    const keys: Partial<DataKeys> = {};
    for (const stream of ["content", "input"] as const) {
      const key = await unwrapDataKey(session, stream, encryption.streams[stream], identities);
      if (key !== null) keys[stream] = key;
    }
    const kept = { wrapped: wrappedOf(encryption), keys };
    this.#drop(session);
    if (Object.keys(keys).length > 0) this.#kept.set(session, kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#maxKept) break;
      this.#drop(oldest);
    }
    return kept;
  }

  #drop(session: string): void {
    const kept = this.#kept.get(session);
    if (kept === undefined) return;
    this.#kept.delete(session);
    eraseDataKeys(kept.keys);
  }
}

function wrappedOf({ streams }: OpenEncryption): string {
  return `${streams.content.wrapped} ${streams.input.wrapped}`;
}

/** ENCRYPTION_NO_KEY, with what could be done about it. */
export function noKey(open: Pick<OpenRecord, "session" | "encryption">, stream: EncryptionStream): AppError {
  const month = open.encryption?.serviceKey;
  const why =
    month == null
      ? "it was recorded while the service had no key of its own"
      : `the service's key of ${month} does not open it: it was destroyed with its month, or this stream is for its recipients alone`;
  return new AppError(
    "ENCRYPTION_NO_KEY",
    `the stream ${stream} of the recording ${open.session} is encrypted, and there is no key for it here: ${why}. Its recipients decrypt it: conduit recordings decrypt DIRECTORY --identity FILE`,
    { op: "encryption.key" },
  );
}
