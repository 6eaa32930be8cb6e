// One signed-in operator's connection: opens the session, dials the target, bridges the channels, and brings all of it to
// an end. Invariant: no byte goes to a target before `openSession` resolved, and `session.ended` is called exactly once,
// after the last event.
import { AppError } from "../../../shared/errors.ts";
import type { FileHold } from "../file-hold.ts";
import { RecordingGate } from "../recording-gate.ts";
import type {
  AuthenticatedPerson,
  ClientAddress,
  GatewayHost,
  SessionHold,
  TapLogger,
  TapSession,
  TargetAccess,
  TerminateReason,
} from "../tap.ts";
import { ChannelBridge } from "./channel-bridge.ts";
import { type ForwardOffer, forwardOf } from "./forwards.ts";
import type { SessionFiles } from "./held-files/bridged-hold.ts";
import { type ChannelOffer, Mux } from "./mux.ts";
import { Refusal } from "./refusal.ts";
import { forwardNames, forwardRequests, refusalSentence } from "./requests.ts";
import type { Negotiated } from "./target-connection.ts";
import type { Transport } from "./transport.ts";
import { type DialedTarget, dialTarget } from "./upstream.ts";
import { openFailure, WireReader } from "./wire.ts";

/** So long may clients take to show what they were told before they are cut off. */
const farewellMs = 5000;
/** So long may programs take to read what the operator sent before hanging up, and to end. */
const settleMs = 2000;

export interface PersonConnectionOptions {
  host: GatewayHost;
  logger: TapLogger;
  maxChannels: number;
  dialTimeoutMs: number;
  legacyTargets: boolean;
  fileHold?: FileHold | undefined;
}

export class PersonConnection {
  readonly #options: PersonConnectionOptions;
  readonly #transport: Transport;
  readonly #client: ClientAddress;
  readonly #bridges = new Set<ChannelBridge>();
  #mux: Mux | undefined;
  #session: TapSession | undefined;
  #gate: RecordingGate | undefined;
  #files: SessionFiles | undefined;
  #target: DialedTarget | undefined;
  #targetMux: Mux | undefined;
  /** Channels that came before the target was there. */
  #awaitingTarget: ((mux: Mux | undefined) => void)[] = [];
  #nextNumber = 0;
  #noMoreSessions = false;
  /** Said to whoever still opens a channel. */
  #failing = false;
  #farewell: string | undefined;
  #endReason: string | undefined;
  #ended = false;
  #timers = new Set<NodeJS.Timeout>();

  constructor(transport: Transport, client: ClientAddress, options: PersonConnectionOptions) {
    this.#transport = transport;
    this.#client = client;
    this.#options = options;
  }

  /** @param facts for the events track: what the two sides agreed on, and the fingerprint of the person's key. */
  async run(person: AuthenticatedPerson, targetName: string, facts: Negotiated & { key?: string }): Promise<void> {
    let opened: { session: TapSession; target: TargetAccess } | undefined;
    let refused: string | undefined;
    try {
      if (targetName === "") {
        throw new AppError(
          "POLICY_REFUSED",
          `Say which target you want: sign in as ${person.name}+TARGET, for example ${person.name}+plc-reactor-01.`,
          { op: "ssh.open" },
        );
      }
      opened = await this.#options.host.openSession(person, targetName, this.#client);
    } catch (error) {
      refused = this.#sentenceOf(error, "the session could not be opened");
    }
    const hold = this.#options.fileHold;
    if (opened !== undefined && hold !== undefined) {
      this.#files = { hold, person: person.name, target: opened.target.name };
    }
    if (opened !== undefined) this.#begin(opened.session, { method: person.authMethod, ...facts });
    // Before the mux: it delivers at once what the client has asked for in the meantime.
    if (refused !== undefined) this.#sayFarewell(refused, "refused");
    this.#mux = new Mux(this.#transport, {
      onOffer: (offer) => this.#offer(offer),
      onGlobalRequest: (name, payload, reply) => this.#globalRequest(name, payload, reply),
      onGone: () => this.#clientGone(),
    });
    if (opened !== undefined && this.#farewell === undefined && !this.#transport.gone) await this.#dial(opened.target);
  }

  /** Nothing of this connection is left. */
  get over(): boolean {
    return this.#ended || (this.#session === undefined && this.#transport.gone);
  }

  #begin(session: TapSession, facts: Record<string, unknown>): void {
    this.#session = session;
    const gate = new RecordingGate(session.sink, (error) => this.#failed(error));
    this.#gate = gate;
    const terminate = (): void => {
      const reason = session.signal.reason as Partial<TerminateReason> | undefined;
      this.#sayFarewell(reason?.sentence ?? "The session was ended.", reason?.code ?? "terminated");
    };
    if (session.signal.aborted) terminate();
    else session.signal.addEventListener("abort", terminate, { once: true });
    session.onHold((hold) => {
      for (const bridge of [...this.#bridges]) bridge.hold(hold);
    });
    let control = session.control;
    session.onControl({
      controlChanged: (now) => {
        const before = control;
        control = now;
        for (const bridge of [...this.#bridges]) bridge.controlChanged(before);
      },
      controlInput: (input) => {
        if (input.type !== "text") return false;
        const bridge = [...this.#bridges].find(({ number }) => number === input.channel);
        return bridge?.controlInput(input.text) ?? false;
      },
    });
    session.onWarning(({ sentence }) => {
      for (const bridge of [...this.#bridges]) bridge.announce(sentence);
    });
    this.#attempt(() => gate.notice("auth", { side: "operator", ...facts }));
  }

  async #dial(access: TargetAccess): Promise<void> {
    let dialed: DialedTarget;
    try {
      dialed = await dialTarget(access, {
        timeoutMs: this.#options.dialTimeoutMs,
        legacy: this.#options.legacyTargets,
      });
    } catch (error) {
      const sentence = this.#sentenceOf(error, "the target could not be reached");
      const code = error instanceof AppError ? error.code : "INTERNAL";
      this.#attempt(() => this.#gate?.notice("health", { what: "target", code, sentence }));
      this.#sayFarewell(sentence, code === "INTERNAL" ? "failed" : code.toLowerCase().replaceAll("_", "-"));
      return;
    }
    this.#target = dialed;
    if (this.#ended || this.#farewell !== undefined || this.#transport.gone) {
      dialed.end();
      return;
    }
    this.#attempt(() =>
      this.#gate?.notice("auth", {
        side: "target",
        account: access.account,
        method: access.credential.kind,
        hostKey: dialed.hostKey.fingerprint,
        ...dialed.negotiated,
      }),
    );
    this.#targetMux = new Mux(dialed.transport, {
      onOffer: (offer) => this.#targetOffer(offer),
      // Keep-alive and host key rotation: the pin is changed by people, not by the target.
      onGlobalRequest: (_name, _payload, reply) => reply(false),
      onGone: (error) => this.#targetGone(error),
    });
    for (const bridge of this.#bridges) this.#connect(bridge);
    this.#targetSettled();
  }

  // --- channels ---

  #offer(offer: ChannelOffer): void {
    const channels = Math.max(this.#mux?.size ?? 0, this.#targetMux?.size ?? 0, this.#awaitingTarget.length);
    if (channels >= this.#options.maxChannels) {
      this.#gate?.notice("channel-refused", { request: offer.type.slice(0, 64), reason: "too-many-channels" });
      offer.refuse(openFailure.resourceShortage, "too many channels in this connection");
      return;
    }
    if (offer.type === "session" && !this.#noMoreSessions) {
      const hold = this.#session?.hold ?? null;
      if (this.#farewell !== undefined) Refusal.answer(offer.accept(), this.#farewell);
      else if (hold !== null && hold.code !== "escort-awaited") this.#refuseNew(offer, hold);
      else this.#bridge(offer);
      return;
    }
    const forward = forwardOf(offer);
    if (forward !== undefined && this.#farewell === undefined) {
      this.#forward(offer, forward);
      return;
    }
    this.#gate?.notice("channel-refused", { request: offer.type.slice(0, 64), reason: "unrecordable" });
    offer.refuse(openFailure.unknownChannelType, this.#farewell ?? "this kind of channel cannot be recorded");
  }

  /** Said to the program that is asked for on it, where people see it. */
  #refuseNew(offer: ChannelOffer, hold: SessionHold): void {
    this.#gate?.notice("channel-refused", { request: offer.type, reason: hold.code });
    Refusal.answer(offer.accept(), `Nothing new begins: ${hold.sentence}`);
  }

  #bridge(offer: ChannelOffer): void {
    const bridge = this.#newBridge(offer, this.#nextNumber++);
    if (bridge !== undefined && this.#targetMux !== undefined) this.#connect(bridge);
  }

  /** Undefined: the offer was refused. */
  #newBridge(offer: ChannelOffer, number: number): ChannelBridge | undefined {
    if (this.#session === undefined || this.#gate === undefined) {
      offer.refuse(openFailure.administrativelyProhibited, "no session is open in this connection");
      return undefined;
    }
    const context = {
      session: this.#session,
      gate: this.#gate,
      files: this.#files,
      failed: (error: unknown) => this.#failed(error),
      done: (bridge: ChannelBridge) => {
        this.#bridges.delete(bridge);
        if (this.#endReason !== undefined && this.#bridges.size === 0) this.#endSoon();
      },
    };
    const bridge = new ChannelBridge(context, number, offer.accept());
    this.#bridges.add(bridge);
    return bridge;
  }

  #connect(bridge: ChannelBridge): void {
    this.#targetMux
      ?.open("session", undefined, (channel) => this.#attempt(() => bridge.connect(channel)))
      .catch((error: unknown) => bridge.refuse(this.#sentenceOf(error, "the target opened no channel")));
  }

  /** direct-tcpip and direct-streamlocal through the target, recorded byte for byte in both directions. */
  #forward(offer: ChannelOffer, forward: ForwardOffer): void {
    const session = this.#session;
    const gate = this.#gate;
    if (session === undefined || gate === undefined) {
      offer.refuse(openFailure.administrativelyProhibited, "no session is open in this connection");
      return;
    }
    const { hold } = session;
    if (hold !== null) {
      gate.notice("channel-refused", { request: offer.type, ...forward.facts, reason: hold.code });
      offer.refuse(openFailure.administrativelyProhibited, hold.sentence);
      return;
    }
    const decision = session.decideForward(forward.capability, forward.host, forward.port);
    if (decision.effect === "deny") {
      gate.notice("channel-refused", {
        request: offer.type,
        ...forward.facts,
        reason: decision.reason,
        rule: decision.rule,
      });
      offer.refuse(
        openFailure.administrativelyProhibited,
        refusalSentence(forwardNames[offer.type] ?? offer.type, decision),
      );
      return;
    }
    const number = this.#nextNumber++;
    gate.notice("forward-open", { request: offer.type, ...forward.facts }, number);
    gate.append({ type: "channel-open", channel: number, request: "exec", command: forward.command });
    gate
      .durable()
      .then(() => this.#whenTarget())
      .then((mux) => {
        const since = session.hold;
        if (since !== null) {
          gate.notice("channel-refused", { request: offer.type, ...forward.facts, reason: since.code }, number);
          throw new AppError("POLICY_REFUSED", since.sentence, { op: "ssh.forward" });
        }
        return mux.open(offer.type, offer.payload, (channel) => {
          if (this.#ended) channel.close();
          else this.#attempt(() => this.#newBridge(offer, number)?.connectForward(channel));
        });
      })
      .catch((error: unknown) => {
        if (this.#ended) return;
        this.#attempt(() => gate.append({ type: "channel-close", channel: number }));
        offer.refuse(openFailure.connectFailed, this.#sentenceOf(error, "the target did not connect"));
      });
  }

  async #whenTarget(): Promise<Mux> {
    const mux =
      this.#targetMux ??
      (this.#farewell === undefined
        ? await new Promise<Mux | undefined>((resolve) => this.#awaitingTarget.push(resolve))
        : undefined);
    if (mux !== undefined) return mux;
    throw new AppError("PROTOCOL_TARGET_UNREACHABLE", this.#farewell ?? "The target is not connected.", {
      op: "ssh.forward",
    });
  }

  #targetSettled(): void {
    const waiting = this.#awaitingTarget;
    this.#awaitingTarget = [];
    for (const resolve of waiting) resolve(this.#targetMux);
  }

  #targetOffer(offer: ChannelOffer): void {
    this.#attempt(() =>
      this.#gate?.notice("channel-refused", {
        side: "target",
        request: offer.type.slice(0, 64),
        reason: "unrecordable",
      }),
    );
    offer.refuse(openFailure.administrativelyProhibited, "the gateway takes no channels from targets");
  }

  #globalRequest(name: string, payload: Buffer, reply: (ok: boolean) => void): void {
    if (name === "no-more-sessions@openssh.com") {
      this.#noMoreSessions = true;
      reply(true);
      return;
    }
    const capability = forwardRequests.get(name);
    if (capability !== undefined && this.#session !== undefined) {
      const decision = this.#session.decide(capability);
      // Connections that the target opens towards the operator are not bridged, whatever policy says.
      const reason = decision.effect === "deny" ? decision.reason : "unrecordable";
      const reader = new WireReader(payload);
      const address = reader.text().slice(0, 256);
      const port = reader.left >= 4 ? { port: reader.uint32() } : {};
      this.#gate?.notice("request-refused", { request: name, address, ...port, reason, rule: decision.rule });
    }
    reply(false);
  }

  // --- the end ---

  #clientGone(): void {
    if (this.#session === undefined) return;
    this.#endReason ??= "client-closed";
    // Its channels hear of it after this call: they pass on what they still hold, and close.
    this.#later(0, () => {
      if (this.#bridges.size === 0 || this.#session?.frozen === true) this.#end();
      else this.#later(settleMs, () => this.#end());
    });
  }

  #targetGone(error: Error | undefined): void {
    if (this.#ended || this.#endReason !== undefined) return;
    this.#attempt(() =>
      this.#gate?.notice("health", {
        what: "target",
        code: "connection-lost",
        ...(error === undefined ? {} : { message: error.message }),
      }),
    );
    this.#sayFarewell("The target ended the connection.", "target-closed");
  }

  /** A broken peer or a failed recording: nothing more passes in either direction. */
  #failed(error: unknown): void {
    // What is noted of a failure may fail in its turn: once is enough.
    if (this.#failing) return;
    this.#failing = true;
    const sentence = this.#sentenceOf(error, "the session failed");
    const code = error instanceof AppError ? error.code : "INTERNAL";
    if (!(error instanceof AppError && error.code.startsWith("RECORD_"))) {
      this.#attempt(() => this.#gate?.notice("health", { what: "protocol", code, sentence }));
    }
    this.#sayFarewell(sentence, code.toLowerCase().replaceAll("_", "-"));
  }

  /** Every channel is told why, then the whole connection. */
  #sayFarewell(sentence: string, reason: string): void {
    if (this.#farewell !== undefined || this.#ended) return;
    this.#farewell = sentence;
    this.#endReason ??= reason;
    for (const bridge of [...this.#bridges]) bridge.refuse(sentence);
    this.#targetSettled();
    this.#target?.end();
    // A client without channels (ssh -N) learns it from the disconnect message; one that just signed in opens one soon.
    const idle = this.#mux !== undefined && this.#mux.size === 0 && this.#session !== undefined;
    this.#later(idle ? 500 : farewellMs, () => this.#end());
  }

  /** The clients have closed their channels: those that wait for the connection's end are told now. */
  #endSoon(): void {
    if (!this.#ended) this.#later(this.#transport.gone ? 0 : 200, () => this.#end());
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const bridge of [...this.#bridges]) bridge.finish();
    this.#targetSettled();
    this.#target?.end();
    this.#transport.disconnect(this.#farewell ?? "The session has ended.");
    const reason = this.#endReason ?? "closed";
    const session = this.#session;
    if (session === undefined) return;
    this.#options.logger.debug({ session: session.id, reason }, "SSH connection ended");
    session.ended(reason);
  }

  #later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failed(error);
    }
  }

  #sentenceOf(error: unknown, what: string): string {
    if (error instanceof AppError) return error.message;
    this.#options.logger.error({ session: this.#session?.id, err: error }, what);
    return "The gateway had a fault of its own; its log has the details.";
  }
}
