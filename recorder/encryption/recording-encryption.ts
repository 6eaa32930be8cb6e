// What a recorder that encrypts is given: new data keys for each session, wrapped for the OPEN record. Invariant: a session
// never waits for a key service or a database to be mended: where the service's own key of the month cannot be had, the
// recording goes to its recipients alone, and an alarm says so.
import type { OpenEncryption } from "../../shared/encryption/scheme.ts";
import { AppError } from "../../shared/errors.ts";
import { eraseDataKeys, makeDataKeys, wrapDataKeys } from "./data-keys.ts";
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

const dayMs = 86_400_000;

/** The month (UTC) in which the recording's retention ends: what is due together is shredded together. */
export function serviceKeyMonth(startedAtMs: number, retentionDays: number): string {
  return new Date(startedAtMs + retentionDays * dayMs).toISOString().slice(0, 7);
}

export class RecordingEncryption implements SessionEncryption {
  readonly #options: RecordingEncryptionOptions;

  constructor(options: RecordingEncryptionOptions) {
    this.#options = options;
  }

  /** CONFIG_INVALID: one of the recipients cannot be encrypted to. At the start, and not at the first session. */
  async check(): Promise<void> {
    const { recipients, inputRecipients } = this.#options;
    const keys = makeDataKeys();
    try {
      await wrapDataKeys("", keys, { content: recipients, input: inputRecipients, service: null });
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
    const { recipients, inputRecipients, serviceReadsInput } = this.#options;
    const month = serviceKeyMonth(startedAtMs, retentionDays);
    const recipient = await this.#recipientOf(month);
    const keys = makeDataKeys();
    const open = await wrapDataKeys(session, keys, {
      content: recipients,
      input: inputRecipients,
      service: recipient === null ? null : { month, recipient, readsInput: serviceReadsInput },
    });
    return { open, keys };
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
