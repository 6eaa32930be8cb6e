// One session that goes on: whose, where, how healthy its recording is, and what this person may do about it.
import type { LiveSession, Me } from "../../../shared/api/types.ts";
import { AlertIcon, StopIcon } from "../../components/icons.tsx";
import { ProtocolTag } from "../../components/protocol-tag.tsx";
import { formatAgo, formatBytes, formatClockZone } from "../../format.ts";
import { recordingPath, requestPath } from "../../router.ts";
import { Confirmations } from "./confirmations.tsx";
import { HoldButton } from "./hold-button.tsx";
import { alarmInWords, stateWord } from "./state-word.ts";

interface LiveCardProps {
  session: LiveSession;
  me: Me;
  mayEnd: boolean;
  onEnd: () => void;
  onChanged: () => void;
}

const modeWords = {
  full: "",
  "without-input": "Recorded without what is typed",
  metadata: "Only events are recorded",
  none: "Not recorded",
} as const;

export function LiveCard({ session, me, mayEnd, onEnd, onChanged }: LiveCardProps) {
  const behind = session.durableBehindMs;
  return (
    <li class="card live-card" data-testid="live-session" data-session={session.session}>
      <div class="live-head">
        <span class={`badge ${session.state === "frozen" ? "interrupted" : "recording"}`}>
          <span class="badge-dot" aria-hidden="true" />
          {stateWord(session)}
        </span>
        <ProtocolTag protocol={session.protocol} />
        <span class="live-age">for {formatAgo(session.startedAt)}</span>
      </div>
      <h2 class="live-who">
        {session.person}
        <span class="visually-hidden"> on </span>{" "}
        <span class="who-arrow" aria-hidden="true">
          →
        </span>{" "}
        {session.target}
      </h2>
      <dl class="facts">
        <Fact name="From" value={session.clientAddress} />
        {session.protocol === "ssh" ? <Fact name="Channels" value={String(session.channels)} /> : null}
        <Fact name="Idle" value={session.idleSeconds < 5 ? "no" : `${Math.round(session.idleSeconds)} s`} />
        <Fact name="Recorded" value={formatBytes(session.recordedBytes)} />
        <Fact
          name="Safe on disk"
          value={behind < 1 ? "all of it" : `${Math.round(behind)} ms behind`}
          tone={behind > 1000 ? "bad" : undefined}
        />
        <Fact name="Ends at the latest" value={formatClockZone(session.endsAt)} />
        {session.rule === undefined ? null : <Fact name="Rule" value={session.rule} />}
        {session.request == null ? null : (
          <div class="fact">
            <dt>Access</dt>
            <dd>
              <a href={requestPath(session.request)} data-testid="live-request">
                its request
              </a>
            </dd>
          </div>
        )}
      </dl>
      {session.recordingMode === undefined || session.recordingMode === "full" ? null : (
        <p class="notice warn">{modeWords[session.recordingMode]}</p>
      )}
      {session.alarms.map((alarm) => (
        <p key={alarm} class="notice bad">
          <AlertIcon size={15} /> {alarmInWords(alarm)}
        </p>
      ))}
      <Confirmations session={session} me={me} onChanged={onChanged} />
      <div class="live-actions">
        <a class="button primary" href={recordingPath(session.session)}>
          {mayEnd && session.state === "frozen" && session.escort?.mustWatch === true ? "Watch and escort" : "Watch"}
        </a>
        {mayEnd ? <HoldButton session={session} me={me} watching={false} onChanged={onChanged} /> : null}
        {mayEnd ? (
          <button type="button" class="button danger" data-testid="terminate" onClick={onEnd}>
            <StopIcon /> End session…
          </button>
        ) : null}
      </div>
    </li>
  );
}

function Fact({ name, value, tone }: { name: string; value: string; tone?: "bad" | undefined }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd class={tone === "bad" ? "text-bad" : undefined}>{value}</dd>
    </div>
  );
}
