// Turns a session's input into lines of the input track, and decides what was a secret. Fed with input and output in
// record order. Whether text was echoed is known only after it was forwarded, so items wait in one queue per session
// (head of line: order and coverage stay exact), bounded in time and bytes. Invariant: what was typed into a prompt for
// a secret and not echoed leaves this file only as a token, sealed where recipients are given; but a channel that asks
// for secrets again and again (hidden-lines.ts) is taken to hide commands, and its lines are kept and flagged.
import type { NoticeType } from "../../../shared/events/session-event.ts";
import type { LineTrack } from "../segments/line-track.ts";
import type { EventPlace } from "../segments/track.ts";
import { asData, InputDecoder, type InputItem } from "./decoder.ts";
import {
  type EchoEntry,
  type Entry,
  expectedOf,
  matchEcho,
  matchPrompt,
  type PromptEntry,
  promptDecision,
  type ReadyEntry,
  type TypedLine,
  visibleChars,
} from "./entries.ts";
import { HiddenLines } from "./hidden-lines.ts";
import { asksForSecret, isPlainPrompt, lastLineOf } from "./prompts.ts";

export const secretToken = "[secret]";
/** In place of what is masked: as of a screen's keys. */
const maskedName = "•";
const evasionReason = "evasion-suspected";

export interface InputHooks {
  /** Asks for a notice among the session's events; `cause` is the record that it follows from. */
  derive(notice: NoticeType, channel: number, facts: Record<string, unknown>, cause: number): void;
  /** Null: no recipients, the text is dropped. */
  seal: ((text: Buffer) => Promise<string>) | null;
  /** What was typed or pasted stands in the track as a fact alone; control keys as they are. */
  maskTyped: boolean;
  echoWaitUs: number;
}

/** What the tracker must know of the terminal that the channel shows. */
export interface Screen {
  readonly alternate: boolean;
  readonly cursorLine: string;
}

interface Channel {
  number: number;
  pty: boolean;
  decoder: InputDecoder;
  carryPlace: EventPlace | null;
  /** Who typed last, where it was not the session's person. */
  by: string | undefined;
  screen: Screen | null;
  outputTail: string;
  /** Output that is newer than the tail. */
  unread: Buffer | null;
  atLineStart: boolean;
  line: TypedLine;
  /** The prompt that takes what is typed now. */
  prompt: PromptEntry | null;
  /** The line was decided on before its end. */
  split: boolean;
  readonly hidden: HiddenLines;
}

const maxQueuedBytes = 256 * 1024;
const maxPromptBytes = 4096;
const maxPromptUs = 60e6;
const carryWaitUs = 100_000;
const tailChars = 1024;
const maxEchoChars = 4096;
const plainSecretBytes = 256;
const lineEnds = new Set(["Enter", "Ctrl+J", "Ctrl+C", "Ctrl+D", "Alt+Enter"]);
const notKeystrokes = new Set(["Mouse", "Report", "FocusIn", "FocusOut", "PasteStart", "PasteEnd"]);

function lowest(numbers: readonly number[]): number | null {
  return numbers.length === 0 ? null : Math.min(...numbers);
}

function tailOf(channel: Channel): string {
  if (channel.unread) channel.outputTail = channel.unread.toString("utf8");
  channel.unread = null;
  return channel.outputTail;
}

function newLine(): TypedLine {
  return { unechoed: null, ended: false, noticed: false, suspected: false };
}

function unechoedEntry(place: EventPlace, channel: number, bytes: Buffer): ReadyEntry {
  return { state: "ready", place, channel, item: { kind: "unechoed", bytes } };
}

export class InputTracker {
  readonly #track: LineTrack;
  readonly #hooks: InputHooks;
  readonly #channels = new Map<number, Channel>();
  readonly #queue: Entry[] = [];
  #queuedBytes = 0;
  #draining = false;
  /** Notices asked for and not yet seen in the journal. */
  readonly #awaited = new Set<string>();
  /** Notices that the journal of a crashed recording holds already. */
  readonly #derivedBefore: Set<string>;

  constructor(track: LineTrack, hooks: InputHooks, derivedBefore: Iterable<string> = []) {
    this.#track = track;
    this.#hooks = hooks;
    this.#derivedBefore = new Set(derivedBefore);
    track.waiting = () => this.#draining || this.#queue.length > 0 || this.#awaited.size > 0 || this.#carrying();
    track.bringIn = () => this.settle();
  }

  openChannel(number: number, pty: boolean, screen: Screen | null): void {
    this.#channels.set(number, {
      number,
      pty,
      decoder: new InputDecoder(),
      carryPlace: null,
      by: undefined,
      screen,
      outputTail: "",
      unread: null,
      atLineStart: true,
      line: newLine(),
      prompt: null,
      split: false,
      hidden: new HiddenLines(),
    });
  }

  closeChannel(number: number): void {
    const channel = this.#channels.get(number);
    if (!channel) return;
    this.#flushCarry(channel);
    if (channel.prompt) this.#end(channel.prompt, channel, channel.prompt.place.us);
    channel.screen = null;
  }

  /** Records from this one on are stored nowhere yet. */
  get firstWaitingRecordNo(): number | null {
    const places = [...this.#carried(), ...this.#queue.slice(0, 1).map(({ place }) => place.from ?? place)];
    return lowest(places.map(({ recordNo }) => recordNo));
  }

  /** The lowest number of an input that is the beginning of a character or a sequence, and waits for its rest. */
  get waitingSeq(): number | null {
    return lowest(this.#carried().map(({ seq }) => seq));
  }

  #carried(): Array<{ recordNo: number; seq: number }> {
    return [...this.#channels.values()].flatMap(({ carryPlace }) =>
      carryPlace ? [carryPlace.from ?? carryPlace] : [],
    );
  }

  /** True while something waits that `settle` cannot decide at once: sealing, a notice on its way, lines being stored. */
  get mustWait(): boolean {
    return this.#draining || this.#awaited.size > 0 || this.#queue.some((entry) => entry.state === "sealing");
  }

  noticeRecorded(key: string): void {
    this.#awaited.delete(key);
  }

  input(place: EventPlace, number: number, bytes: Buffer): void {
    if (!this.#channels.has(number)) this.openChannel(number, false, null);
    const channel = this.#channels.get(number) as Channel;
    if (channel.by !== place.by) this.#typistChanges(channel, place);
    if (channel.pty) this.#typed(channel, place, bytes);
    else this.#data(channel, place, bytes);
    this.#drain(place.us);
    while (this.#queuedBytes > maxQueuedBytes && !this.mustWait) this.settle();
  }

  /** No character, no key and no secret is of two people. */
  #typistChanges(channel: Channel, { by, us }: EventPlace): void {
    channel.by = by;
    this.#flushCarry(channel);
    if (channel.prompt) this.#split(channel.prompt, channel, us);
    channel.line.ended = true;
    this.#noticeUnechoed(channel.number, channel.line);
    channel.line = newLine();
  }

  /** Many bytes for a program, while nothing waits: stored from where they lie. False: they take the way of all input. */
  bulk(place: EventPlace, number: number, bytes: Buffer): boolean {
    const channel = this.#channels.get(number);
    if (!channel || channel.pty || this.#queue.length > 0 || this.#draining) return false;
    return this.#track.addBytes(place, { s: place.seq, ch: number, k: "data" }, bytes);
  }

  #typed(channel: Channel, place: EventPlace, bytes: Buffer): void {
    const { carryPlace } = channel;
    const items = channel.decoder.push(bytes);
    // What waited is the beginning of the first item, or waits on.
    const joined = carryPlace ? { ...place, from: carryPlace.from ?? carryPlace } : place;
    channel.carryPlace = null;
    if (channel.decoder.pending) channel.carryPlace = items.length === 0 ? joined : place;
    for (const [i, item] of items.entries()) this.#take(channel, i === 0 ? joined : place, item);
  }

  #take(channel: Channel, place: EventPlace, item: InputItem): void {
    const { prompt } = channel;
    if (item.kind === "paste" && (prompt || this.#prompted(channel))) {
      this.#pasteIntoPrompt(channel, place, item);
      return;
    }
    const endsLine = item.kind === "key" && lineEnds.has(item.name ?? "");
    if (prompt && !endsLine) {
      this.#absorb(prompt, place, item);
      return;
    }
    if (prompt) this.#end(prompt, channel, place.us);
    if (endsLine) {
      channel.atLineStart = true;
      channel.split = false;
      channel.line.ended = true;
      this.#noticeUnechoed(channel.number, channel.line);
      channel.line = newLine();
      this.#push({ state: "ready", place, channel: channel.number, item }, item.bytes.length);
      return;
    }
    if (item.kind !== "text") {
      this.#push({ state: "ready", place, channel: channel.number, item }, item.bytes.length);
      if (item.kind === "paste") channel.atLineStart = /[\r\n]$/.test(item.bytes.toString("latin1"));
      return;
    }
    if (this.#prompted(channel)) this.#openPrompt(channel, place, item);
    else this.#awaitEcho(channel, place, item);
    channel.atLineStart = false;
  }

  #pasteIntoPrompt(channel: Channel, place: EventPlace, item: InputItem): void {
    const end = item.bytes.findIndex((byte) => byte === 13 || byte === 10);
    const secret = end < 0 ? item.bytes : item.bytes.subarray(0, end);
    if (secret.length > 0) {
      const part: InputItem = { kind: "paste", bytes: secret };
      if (channel.prompt) this.#absorb(channel.prompt, place, part);
      else this.#openPrompt(channel, place, part);
      channel.atLineStart = false;
    }
    if (end < 0) return;
    this.#take(channel, place, { kind: "key", name: "Enter", bytes: item.bytes.subarray(end, end + 1) });
    // The next line may go to the next prompt (a new password, typed twice by a script): it is looked at on its own.
    const rest = item.bytes.subarray(end + 1);
    if (rest.length > 0) this.#take(channel, place, { kind: "paste", bytes: rest });
  }

  #prompted(channel: Channel): boolean {
    return channel.atLineStart && this.#promptShown(channel);
  }

  /** The tail of the output, and what stands before the cursor (full-screen programs and multiplexers). */
  #promptShown(channel: Channel): boolean {
    return asksForSecret(lastLineOf(tailOf(channel))) || asksForSecret(channel.screen?.cursorLine ?? "");
  }

  #openPrompt(channel: Channel, place: EventPlace, item: InputItem): void {
    const entry: PromptEntry = {
      state: "prompt",
      place,
      channel: channel.number,
      items: [],
      bytes: 0,
      expected: [],
      matched: 0,
      mismatch: false,
      masked: false,
      goesOn: channel.split,
      ended: false,
      endUs: place.us,
      deadlineUs: place.us + maxPromptUs,
    };
    channel.prompt = entry;
    this.#push(entry, 0);
    this.#absorb(entry, place, item);
  }

  #absorb(entry: PromptEntry, place: EventPlace, item: InputItem): void {
    entry.items.push({ place, item });
    entry.bytes += item.bytes.length;
    this.#queuedBytes += item.bytes.length;
    entry.expected.push(...expectedOf(item));
    if (entry.bytes > maxPromptBytes) {
      const channel = this.#channels.get(entry.channel) as Channel;
      entry.mismatch = true;
      this.#split(entry, channel, place.us);
    }
  }

  #end(entry: PromptEntry, channel: Channel, nowUs: number): void {
    entry.ended = true;
    entry.endUs = nowUs;
    entry.deadlineUs = nowUs + this.#hooks.echoWaitUs / 2;
    if (channel.prompt === entry) channel.prompt = null;
  }

  /** Decides before the line has ended: what follows is still typed into the prompt. */
  #split(entry: PromptEntry, channel: Channel, nowUs: number): void {
    this.#end(entry, channel, nowUs);
    channel.atLineStart = true;
    channel.split = true;
  }

  #awaitEcho(channel: Channel, place: EventPlace, item: InputItem): void {
    const entry: EchoEntry = {
      state: "echo",
      place,
      channel: channel.number,
      item,
      expected: expectedOf(item),
      matched: 0,
      deadlineUs: place.us + this.#hooks.echoWaitUs,
      line: channel.line,
    };
    this.#push(entry, item.bytes.length);
  }

  #data(channel: Channel, place: EventPlace, bytes: Buffer): void {
    if (bytes.length <= plainSecretBytes && isPlainPrompt(lastLineOf(tailOf(channel)))) {
      const end = bytes.indexOf(10);
      const secret = end < 0 ? bytes : bytes.subarray(0, end);
      if (secret.length > 0 && secret.every((byte) => byte >= 32 || byte === 13)) {
        channel.outputTail = "";
        if (channel.hidden.hides(secret.length, false)) {
          this.#keepSecret(place, channel.number, secret, "prompt-without-pty", this.#queue.length);
        } else {
          this.#push(unechoedEntry(place, channel.number, secret), secret.length);
          this.#noticeEvasion(place, channel.number);
        }
        if (end < 0) return;
        const rest = bytes.subarray(end);
        this.#push(
          { state: "ready", place, channel: channel.number, item: { kind: "data", bytes: rest } },
          rest.length,
        );
        return;
      }
    }
    this.#push({ state: "ready", place, channel: channel.number, item: { kind: "data", bytes } }, bytes.length);
  }

  output(place: EventPlace, number: number, data: Buffer): void {
    const channel = this.#channels.get(number);
    if (!channel) return;
    const waits = this.#queue.length > 0;
    if (!channel.pty && data.length >= tailChars) {
      // Nobody asks for it while output is all there is.
      channel.unread ??= Buffer.allocUnsafeSlow(tailChars);
      data.copy(channel.unread, 0, data.length - tailChars);
      return;
    }
    tailOf(channel);
    const text =
      data.length > maxEchoChars ? data.subarray(data.length - tailChars).toString("utf8") : data.toString("utf8");
    channel.outputTail =
      text.length >= tailChars ? text.slice(-tailChars) : (channel.outputTail + text).slice(-tailChars);
    if (!waits || !channel.pty) return;
    const shown = visibleChars(data.length > maxEchoChars ? data.subarray(0, maxEchoChars).toString("utf8") : text);
    const echoes: EchoEntry[] = [];
    for (const entry of this.#queue) {
      if (entry.channel !== number) continue;
      if (entry.state === "prompt") matchPrompt(entry, shown);
      else if (entry.state === "echo") echoes.push(entry);
    }
    matchEcho(echoes, shown);
    this.#drain(place.us);
  }

  /** The session's time goes on. */
  tick(nowUs: number): void {
    for (const channel of this.#channels.values()) {
      if (channel.carryPlace && nowUs - channel.carryPlace.us > carryWaitUs) this.#flushCarry(channel);
      const { prompt } = channel;
      if (prompt && nowUs > prompt.deadlineUs) {
        // Somebody sits at the prompt for long: what was typed so far is a secret, and so is what follows.
        prompt.mismatch = true;
        this.#split(prompt, channel, nowUs);
      }
    }
    this.#drain(nowUs);
  }

  #flushCarry(channel: Channel): void {
    const place = channel.carryPlace;
    channel.carryPlace = null;
    if (place) for (const item of channel.decoder.flush()) this.#take(channel, place, item);
  }

  #carrying(): boolean {
    for (const channel of this.#channels.values()) if (channel.carryPlace) return true;
    return false;
  }

  /** Decides everything now, on the safe side: what stands in a prompt is a secret. */
  settle(): void {
    // Asked for by the track while it is given lines: they are on their way.
    if (this.#draining) return;
    for (const channel of this.#channels.values()) {
      this.#flushCarry(channel);
      const { prompt } = channel;
      if (prompt) {
        this.#split(prompt, channel, prompt.place.us);
      }
    }
    for (const [i, entry] of this.#queue.entries()) {
      if (entry.state !== "echo" || entry.matched > 0) continue;
      const channel = this.#channels.get(entry.channel);
      if (channel && !this.#promptShown(channel)) {
        this.#queue[i] = { state: "ready", place: entry.place, channel: entry.channel, item: entry.item };
      }
    }
    this.#drain(Number.POSITIVE_INFINITY);
  }

  #push(entry: Entry, bytes: number): void {
    this.#queue.push(entry);
    this.#queuedBytes += bytes;
  }

  /** Stores what is decided, in order, up to the first that is not. */
  #drain(nowUs: number): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      this.#storeDecided(nowUs);
    } finally {
      this.#draining = false;
    }
    // Lines are not always stored in the order of their records: only between two drains is a cut sure to cover all.
    this.#track.cutIfFull();
  }

  #storeDecided(nowUs: number): void {
    for (let head = this.#queue[0]; head; head = this.#queue[0]) {
      if (head.state === "prompt") {
        const decision = promptDecision(head, nowUs);
        if (decision === null) return;
        this.#queue.shift();
        this.#queuedBytes -= head.bytes;
        if (decision === "secret") this.#unechoedInPrompt(head);
        else {
          this.#channels.get(head.channel)?.hidden.echoed();
          this.#queue.unshift(...this.#asTyped(head));
        }
      } else if (head.state === "echo") {
        const decided = this.#decideEcho(head, nowUs);
        if (decided === "waits") return;
        if (decided === "secret") this.#typedAhead(head);
        else this.#queue[0] = decided;
      } else if (head.state === "sealing") {
        return;
      } else {
        // Out of the queue before it is stored: a cut in between must see the rest of this record as waiting.
        this.#queue.shift();
        if (head.state === "ready") this.#queuedBytes -= head.item.bytes.length;
        this.#store(head);
      }
    }
    this.#queuedBytes = 0;
  }

  #unechoedInPrompt(entry: PromptEntry): void {
    const { channel, place, goesOn } = entry;
    const text = Buffer.concat(entry.items.map(({ item }) => item.bytes));
    const hides = this.#channels.get(channel)?.hidden.hides(text.toString("utf8").length, goesOn) ?? true;
    if (hides) {
      this.#secretOf(entry, text);
      return;
    }
    this.#noticeEvasion(place, channel);
    const items = this.#asTyped(entry);
    this.#queue.unshift(
      ...items.map((one) =>
        one.state === "ready" && one.item.kind !== "key" ? unechoedEntry(one.place, channel, one.item.bytes) : one,
      ),
    );
  }

  #noticeEvasion(place: EventPlace, channel: number): void {
    this.#derive("unechoed", channel, { input: place.seq, reason: evasionReason }, place.recordNo);
  }

  #asTyped(entry: PromptEntry): Entry[] {
    this.#queuedBytes += entry.bytes;
    return entry.items.map(({ place, item }) => ({ state: "ready", place, channel: entry.channel, item }));
  }

  #secretOf(entry: PromptEntry, text: Buffer): void {
    const last = entry.items.at(-1)?.place ?? entry.place;
    // The line's time is that of its end: single keys leave no trace of their own.
    const { seq, by } = entry.place;
    const typist = by === undefined ? {} : { by };
    const place = { us: Math.max(last.us, entry.endUs), seq, recordNo: last.recordNo, ...typist };
    this.#keepSecret(place, entry.channel, text, entry.masked ? "prompt-masked" : "prompt-not-echoed", 0);
  }

  #keepSecret(place: EventPlace, channel: number, text: Buffer, reason: string, at: number): void {
    const { seal } = this.#hooks;
    const entry: Entry = { state: seal ? "sealing" : "secret", place, channel, reason, sealed: undefined };
    this.#queue.splice(at, 0, entry);
    if (!seal) return;
    seal(Buffer.from(text)).then(
      (sealed) => {
        entry.sealed = sealed;
        entry.state = "secret";
        this.#drain(place.us);
      },
      () => {
        entry.reason = `${reason}-seal-failed`;
        entry.state = "secret";
        this.#drain(place.us);
      },
    );
  }

  /** Typed ahead of a prompt that came late: the whole line is one secret. */
  #typedAhead(head: EchoEntry): void {
    const line = this.#queue.filter(
      (entry) => entry.state === "echo" && entry.line === head.line && entry.matched === 0,
    );
    const text: Buffer[] = [];
    for (const entry of line as EchoEntry[]) {
      text.push(entry.item.bytes);
      this.#queue.splice(this.#queue.indexOf(entry), 1);
      this.#queuedBytes -= entry.item.bytes.length;
    }
    const last = line.at(-1)?.place ?? head.place;
    const hidden = this.#channels.get(head.channel)?.hidden;
    hidden?.hides(Buffer.concat(text).toString("utf8").length, false);
    this.#keepSecret({ ...last, seq: head.place.seq }, head.channel, Buffer.concat(text), "prompt-not-echoed", 0);
  }

  #decideEcho(entry: EchoEntry, nowUs: number): Entry | "waits" | "secret" {
    const { place, channel: number, item } = entry;
    const typed: Entry = { state: "ready", place, channel: number, item };
    const channel = this.#channels.get(number);
    if (entry.matched >= entry.expected.length) {
      channel?.hidden.echoed();
      return typed;
    }
    if (nowUs < entry.deadlineUs) return "waits";
    if (entry.matched > 0) return typed;
    if (!channel) return typed;
    if (this.#promptShown(channel)) {
      if (!channel.hidden.suspected) return "secret";
      entry.line.suspected = true;
    } else if (channel.screen?.alternate) {
      // Full-screen programs take keys as commands: no echo is what they are for.
      return typed;
    }
    entry.line.unechoed ??= { seq: place.seq, recordNo: place.recordNo };
    this.#noticeUnechoed(number, entry.line);
    return unechoedEntry(place, number, item.bytes);
  }

  #noticeUnechoed(channel: number, line: TypedLine): void {
    if (!line.unechoed || !line.ended || line.noticed) return;
    line.noticed = true;
    const reason = line.suspected ? { reason: evasionReason } : {};
    this.#derive("unechoed", channel, { input: line.unechoed.seq, ...reason }, line.unechoed.recordNo);
  }

  #derive(notice: NoticeType, channel: number, facts: Record<string, unknown>, cause: number): void {
    const key = `${notice}:${cause}`;
    if (this.#derivedBefore.has(key)) return;
    this.#awaited.add(key);
    this.#hooks.derive(notice, channel, facts, cause);
  }

  #store(entry: Exclude<Entry, EchoEntry | PromptEntry>): void {
    const { place, channel: ch } = entry;
    const s = place.seq;
    if (entry.state !== "ready") {
      const { reason, sealed } = entry;
      const line = { s, ch, k: "secret" as const, d: secretToken, reason, ...(sealed === undefined ? {} : { sealed }) };
      this.#derive(
        "redacted",
        ch,
        { reason, sealed: sealed !== undefined, input: s, inputUs: place.us },
        place.recordNo,
      );
      this.#track.add(place, line, { redactions: 1 });
      return;
    }
    const { item } = entry;
    const inputBytes = item.bytes.length;
    if (item.kind === "key") {
      const keystrokes = notKeystrokes.has(item.name ?? "") ? 0 : 1;
      this.#track.add(
        place,
        { s, ch, k: "key", name: item.name ?? "Unknown", ...asData(item.bytes) },
        { inputBytes, keystrokes },
      );
      return;
    }
    const data = asData(item.bytes);
    if (item.kind === "data" && data.enc) {
      this.#track.addBase64(place, { s, ch, k: "data" }, data.d, { inputBytes });
      return;
    }
    const typed = item.kind === "text" || item.kind === "unechoed";
    const keystrokes = typed ? [...data.d].length : 0;
    if (this.#hooks.maskTyped && item.kind !== "data") {
      this.#track.add(place, { s, ch, k: item.kind, name: maskedName }, { inputBytes, keystrokes });
      return;
    }
    this.#track.add(place, { s, ch, k: item.kind, ...data }, { inputBytes, keystrokes });
  }
}
