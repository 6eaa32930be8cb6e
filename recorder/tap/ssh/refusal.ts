// A channel on which the gateway speaks instead of the target: once the operator asked for a program, the sentence goes
// to stderr (OpenSSH, PuTTY, scp, sftp and rsync all show it), the exit status is 255, and the channel closes.
import { type ChannelEnd, requestPayload } from "./channel-end.ts";
import { programOf } from "./requests.ts";

/** What `ssh` itself exits with when the connection, not the program, failed. */
const gatewayExitStatus = 255;

export class Refusal {
  readonly #channel: ChannelEnd;
  readonly #sentence: string;
  #pty: boolean;
  #said = false;

  constructor(channel: ChannelEnd, sentence: string, pty = false) {
    this.#channel = channel;
    this.#sentence = sentence;
    this.#pty = pty;
  }

  /** A whole channel that nobody bridges. */
  static answer(channel: ChannelEnd, sentence: string): Refusal {
    const refusal = new Refusal(channel, sentence);
    channel.handlers = {
      onData: (_stream, data) => channel.consumed(data.length),
      onRequest: (type, wantReply, payload) =>
        refusal.request(type, payload, (ok) => {
          if (wantReply) channel.reply(ok);
        }),
      onEof: () => undefined,
      onClose: () => channel.close(),
      onSent: () => undefined,
    };
    return refusal;
  }

  request(type: string, payload: Buffer, reply: (ok: boolean) => void): void {
    if (type === "pty-req") {
      this.#pty = true;
      reply(true);
    } else if (programOf(type, payload) !== undefined) {
      reply(true);
      this.say();
    } else {
      reply(false);
    }
  }

  say(): void {
    if (this.#said) return;
    this.#said = true;
    this.#channel.write("stderr", remark(this.#sentence, this.#pty));
    this.#channel.requestAfterData("exit-status", requestPayload(gatewayExitStatus));
    this.#channel.eof();
    this.#channel.close();
  }
}

/** On a terminal a line of its own. Not part of the recording: the event that caused it is. */
export function remark(sentence: string, pty: boolean): Buffer {
  const said = steerless(sentence);
  return Buffer.from(pty ? `\r\nconduit: ${said}\r\n` : `conduit: ${said}\n`);
}

/** To a whole terminal, in the middle of whatever it shows. */
export function announcement(sentence: string): Buffer {
  return Buffer.from(`\r\n*** ${steerless(sentence)} ***\r\n`);
}

/** Reasons are what somebody typed: they steer nobody's terminal. */
function steerless(sentence: string): string {
  return sentence.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?");
}
