// Which channel is on the screen. Few are tabs, many a list.
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";
import { ScreenIcon, TerminalIcon, TextIcon } from "../../components/icons.tsx";
import { useStore } from "../../store.ts";
import type { OpenedRecording } from "./opened.ts";

const MAX_TABS = 4;

export function Channels({ opened }: { opened: OpenedRecording }) {
  const { player } = opened;
  const tracks = useStore(player.timeline, (timeline) => timeline).shown();
  const current = useStore(player.state, (state) => state.track);
  if (tracks.length === 0) return <span class="channel-none">No screen was recorded</span>;
  if (tracks.length > MAX_TABS) {
    return (
      <label class="channel-select">
        <span class="visually-hidden">Channel</span>
        <select
          value={current ?? ""}
          data-testid="channel-select"
          onChange={(event) => player.setTrack(event.currentTarget.value)}
        >
          {tracks.map((track) => (
            <option key={track.name} value={track.name}>
              {`${track.channel ?? 0} · ${channelTitle(track)}`}
            </option>
          ))}
        </select>
      </label>
    );
  }
  return (
    <nav class="channels" aria-label="Channels">
      {tracks.map((track) => (
        <button
          key={track.name}
          type="button"
          class="channel"
          aria-pressed={track.name === current}
          title={channelTitle(track)}
          data-testid={`channel-${track.channel ?? 0}`}
          onClick={() => {
            player.setTrack(track.name);
            const first = player.timeline.get().segments(track.name)[0];
            const last = player.timeline.get().segments(track.name).at(-1);
            const atUs = player.timeUs.get();
            if (first !== undefined && last !== undefined && (atUs < first.startUs || atUs > last.endUs)) {
              void player.seek(first.startUs);
            }
          }}
        >
          {track.kind === "screen" ? (
            <ScreenIcon size={15} />
          ) : track.pty === false ? (
            <TextIcon size={15} />
          ) : (
            <TerminalIcon size={15} />
          )}
          <span>{channelTitle(track)}</span>
        </button>
      ))}
    </nav>
  );
}

function channelTitle(track: TrackMeta): string {
  if (track.kind === "screen") return "Screen";
  if (track.command !== undefined && track.command !== "") return track.command;
  return track.request === "shell" ? "Shell" : (track.request ?? track.name);
}
