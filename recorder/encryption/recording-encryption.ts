// What a recorder that encrypts is given: new data keys for each session, wrapped for the OPEN record. Invariant: a session
// never waits for a key service or a database to be mended: where the service's own key of the month cannot be had, the
// recording goes to its recipients alone, and an alarm says so.
import type { OpenEncryption } from "../../shared/encryption/scheme.ts";
import { AppError } from "../../shared/errors.ts";
import { checkedFor, eraseDataKeys, makeDataKeys, type Wrapped, wrapDataKeys } from "./data-keys.ts";
import type { DataKeys } from "./segment-cipher.ts";

export interface BegunEncryption {
  open: OpenEncryption;
  keys: DataKeys;
}

/** What the recorder asks for. */
export interface SessionEncryption {
  begin(session: string, startedAtMs: number, retentionDays: number): Promise<BegunEncryption>;
}

export interface RecordingEncryptionOptions {
  recipients: readonly string[];
  /** Left out: those of the content. */
  inputRecipients: readonly string[];
  /** Whether the service's own key opens the input too. */
  serviceReadsInput: boolean;
  /** The public half of the month's key, made when it is asked for first. */
  recipientOf(month: string): Promise<string>;
  noServiceKey(month: string, error: unknown): void;
  serviceKeyAgain(): void;
}

interface Made {
  keys: DataKeys;
  wrapped: Wrapped;
}

const dayMs = 86_400_000;
/** Policies have a few terms of retention. */
const mostSpares = 4;
/** A session that begins has its own first packets to pass. */
const prepareAfterMs = 250;

/** The month (UTC) in which the recording's retention ends: what is due together is shredded together. */
export function serviceKeyMonth(startedAtMs: number, retentionDays: number): string {
  return new Date(startedAtMs + retentionDays * dayMs).toISOString().slice(0, 7);
}

export class RecordingEncryption implements SessionEncryption {
  readonly #options: RecordingEncryptionOptions;
  /** Keys of which nobody knows yet whose they will be, by month. */
  readonly #spares = new Map<string, Made>();
  readonly #preparing = new Set<string>();
  #closed = false;

  constructor(options: RecordingEncryptionOptions) {
    this.#options = options;
  }

  /** CONFIG_INVALID: one of the recipients cannot be encrypted to. At the start, and not at the first session. */
  async check(): Promise<void> {
    const { recipients, inputRecipients } = this.#options;
    const keys = makeDataKeys();
    try {
      await wrapDataKeys(keys, { content: recipients, input: inputRecipients, service: null });
    } catch (cause) {
      throw new AppError(
        "CONFIG_INVALID",
        `encryption.recipients or encryption.inputRecipients has what is no age public key (${(cause as Error).message}): take the one that age-keygen -y prints`,
        { op: "encryption.recipients", cause },
      );
    } finally {
      eraseDataKeys(keys);
    }
  }

  async begin(session: string, startedAtMs: number, retentionDays: number): Promise<BegunEncryption> {
    const month = serviceKeyMonth(startedAtMs, retentionDays);
    const spare = this.#spares.get(month);
    if (spare !== undefined) this.#spares.delete(month);
    const { keys, wrapped } = spare ?? (await this.#make(month));
    // Wrapping takes some milliseconds a recipient, which the next session need not wait for.
    if (wrapped.serviceKey !== null) this.#prepare(month);
    return { open: checkedFor(session, keys, wrapped), keys };
  }

  /** Nobody begins a session any more. */
  close(): void {
    this.#closed = true;
    for (const month of [...this.#spares.keys()]) this.#drop(month);
  }

  #prepare(month: string): void {
    if (this.#closed || this.#preparing.has(month) || this.#spares.has(month)) return;
    this.#preparing.add(month);
    const timer = setTimeout(() => {
      this.#spare(month).then(
        (made) => this.#keep(month, made),
        () => this.#keep(month, null),
      );
    }, prepareAfterMs);
    timer.unref();
  }

  #keep(month: string, made: Made | null): void {
    this.#preparing.delete(month);
    if (made === null) return;
    this.#spares.set(month, made);
    for (const oldest of this.#spares.keys()) {
      if (!this.#closed && this.#spares.size <= mostSpares) break;
      this.#drop(oldest);
    }
  }

  #drop(month: string): void {
    eraseDataKeys(this.#spares.get(month)?.keys ?? {});
    this.#spares.delete(month);
  }

  /** Null: the service's key cannot be had now, and may be when the next session begins. */
  async #spare(month: string): Promise<Made | null> {
    const made = await this.#make(month);
    if (made.wrapped.serviceKey !== null) return made;
    eraseDataKeys(made.keys);
    return null;
  }

  async #make(month: string): Promise<Made> {
    const { recipients, inputRecipients, serviceReadsInput } = this.#options;
    const recipient = await this.#recipientOf(month);
    const keys = makeDataKeys();
    const wrapped = await wrapDataKeys(keys, {
      content: recipients,
      input: inputRecipients,
      service: recipient === null ? null : { month, recipient, readsInput: serviceReadsInput },
    });
    return { keys, wrapped };
  }

  async #recipientOf(month: string): Promise<string | null> {
    try {
      const recipient = await this.#options.recipientOf(month);
      this.#options.serviceKeyAgain();
      return recipient;
    } catch (error) {
      this.#options.noServiceKey(month, error);
      return null;
    }
  }
}
