// Line icons on a 20 × 20 grid, drawn for this interface.
import type { ComponentChildren } from "preact";

function icon(children: ComponentChildren, options: { filled?: boolean } = {}) {
  return function Icon({ size = 18 }: { size?: number }) {
    return (
      <svg
        class="icon"
        width={size}
        height={size}
        viewBox="0 0 20 20"
        fill={options.filled === true ? "currentColor" : "none"}
        stroke={options.filled === true ? "none" : "currentColor"}
        stroke-width="1.6"
        stroke-linecap="round"
        stroke-linejoin="round"
        aria-hidden="true"
      >
        {children}
      </svg>
    );
  };
}

export const PlayIcon = icon(
  <path d="M6.2 3.9v12.2a.6.6 0 0 0 .92.5l9.4-6.1a.6.6 0 0 0 0-1l-9.4-6.1a.6.6 0 0 0-.92.5z" />,
  { filled: true },
);
export const PauseIcon = icon(
  <path d="M5.5 3.5h2.6a.5.5 0 0 1 .5.5v12a.5.5 0 0 1-.5.5H5.5a.5.5 0 0 1-.5-.5V4a.5.5 0 0 1 .5-.5zM11.9 3.5h2.6a.5.5 0 0 1 .5.5v12a.5.5 0 0 1-.5.5h-2.6a.5.5 0 0 1-.5-.5V4a.5.5 0 0 1 .5-.5z" />,
  { filled: true },
);
export const ReplayIcon = icon(
  <>
    <path d="M4 10a6 6 0 1 0 2-4.470" />
    <path d="M5.6 2.8v3.2h3.2" />
  </>,
);
export const StepBackIcon = icon(
  <>
    <path d="M13.5 5.2v9.6L7.3 10z" />
    <path d="M5.2 5v10" />
  </>,
);
export const StepForwardIcon = icon(
  <>
    <path d="M6.5 5.2v9.6L12.7 10z" />
    <path d="M14.8 5v10" />
  </>,
);
export const KeyBackIcon = icon(
  <>
    <rect x="7" y="5" width="10" height="10" rx="2" />
    <path d="M13 8.2 11 10l2 1.8M3.5 6v8" />
  </>,
);
export const KeyForwardIcon = icon(
  <>
    <rect x="3" y="5" width="10" height="10" rx="2" />
    <path d="m7 8.2 2 1.8-2 1.8M16.5 6v8" />
  </>,
);
export const FastForwardIcon = icon(<path d="M3.5 5.5v9L9.5 10zM10.5 5.5v9L16.5 10z" />);
export const ShieldIcon = icon(<path d="M10 2.5 4 4.8v4.7c0 3.7 2.5 6.6 6 8 3.5-1.4 6-4.3 6-8V4.8z" />);
export const ShieldCheckIcon = icon(
  <>
    <path d="M10 2.5 4 4.8v4.7c0 3.7 2.5 6.6 6 8 3.5-1.4 6-4.3 6-8V4.8z" />
    <path d="m7.3 9.9 1.9 1.9 3.6-3.8" />
  </>,
);
export const ShieldAlertIcon = icon(
  <>
    <path d="M10 2.5 4 4.8v4.7c0 3.7 2.5 6.6 6 8 3.5-1.4 6-4.3 6-8V4.8z" />
    <path d="M10 7v3.6M10 13.2v.01" />
  </>,
);
export const LockIcon = icon(
  <>
    <rect x="4.5" y="9" width="11" height="7.5" rx="1.8" />
    <path d="M7 9V6.5a3 3 0 0 1 6 0V9" />
  </>,
);
export const DownloadIcon = icon(<path d="M10 3v9.5M6.2 9 10 12.8 13.8 9M3.5 16.5h13" />);
export const UploadIcon = icon(<path d="M10 13V3.5M6.2 7.2 10 3.4l3.8 3.8M3.5 16.5h13" />);
export const FileIcon = icon(
  <>
    <path d="M5 2.8h6.2L15 6.6v10.6H5z" />
    <path d="M11 3v4h4" />
  </>,
);
export const KeyboardIcon = icon(
  <>
    <rect x="2.5" y="5" width="15" height="10" rx="2" />
    <path d="M5.5 8h.01M8.5 8h.01M11.5 8h.01M14.5 8h.01M6.5 12h7" />
  </>,
);
export const ListIcon = icon(<path d="M7 5.5h10M7 10h10M7 14.5h10M3.3 5.5h.01M3.3 10h.01M3.3 14.5h.01" />);
export const CloseIcon = icon(<path d="m5 5 10 10M15 5 5 15" />);
export const ChevronDownIcon = icon(<path d="m5.5 8 4.5 4.5L14.5 8" />);
export const ChevronLeftIcon = icon(<path d="M12 5 7 10l5 5" />);
export const SunIcon = icon(
  <>
    <circle cx="10" cy="10" r="3.4" />
    <path d="M10 2.2v1.6M10 16.2v1.6M2.2 10h1.6M16.2 10h1.6M4.5 4.5l1.1 1.1M14.4 14.4l1.1 1.1M4.5 15.5l1.1-1.1M14.4 5.6l1.1-1.1" />
  </>,
);
export const MoonIcon = icon(<path d="M16.5 11.6A6.8 6.8 0 0 1 8.4 3.5a6.8 6.8 0 1 0 8.1 8.1z" />);
export const UserIcon = icon(
  <>
    <circle cx="10" cy="6.8" r="3.2" />
    <path d="M3.8 17c.7-3.3 3.1-5 6.2-5s5.5 1.7 6.2 5" />
  </>,
);
export const SearchIcon = icon(
  <>
    <circle cx="9" cy="9" r="5.2" />
    <path d="m13 13 4 4" />
  </>,
);
export const TerminalIcon = icon(
  <>
    <rect x="2.5" y="3.5" width="15" height="13" rx="2" />
    <path d="m5.8 7.5 2.6 2.5-2.6 2.5M10.5 13h3.7" />
  </>,
);
export const TextIcon = icon(<path d="M4 5h12M4 8.4h12M4 11.8h12M4 15.2h7" />);
export const ZoomInIcon = icon(
  <>
    <circle cx="9" cy="9" r="5.2" />
    <path d="m13 13 4 4M9 6.8v4.4M6.8 9h4.4" />
  </>,
);
export const ZoomOutIcon = icon(
  <>
    <circle cx="9" cy="9" r="5.2" />
    <path d="m13 13 4 4M6.8 9h4.4" />
  </>,
);
export const ExpandIcon = icon(<path d="M3.5 7.5v-4h4M12.5 3.5h4v4M16.5 12.5v4h-4M7.5 16.5h-4v-4" />);
export const HelpIcon = icon(
  <>
    <circle cx="10" cy="10" r="7.2" />
    <path d="M7.9 7.8a2.2 2.2 0 1 1 3.1 2.1c-.7.3-1 .8-1 1.5M10 14.1v.01" />
  </>,
);
export const AlertIcon = icon(
  <>
    <path d="M10 3 2.5 16.5h15z" />
    <path d="M10 8v4M10 14.3v.01" />
  </>,
);
export const LinkIcon = icon(
  <path d="M8.3 11.7a3 3 0 0 0 4.3 0l2.8-2.9a3 3 0 0 0-4.3-4.2l-1 1M11.7 8.3a3 3 0 0 0-4.3 0l-2.8 2.9a3 3 0 0 0 4.3 4.2l1-1" />,
);
export const CameraIcon = icon(
  <>
    <path d="M3.5 6.5h3l1.2-2h4.6l1.2 2h3a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-13a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1z" />
    <circle cx="10" cy="10.8" r="2.8" />
  </>,
);
export const ScreenIcon = icon(
  <>
    <rect x="2.5" y="3.5" width="15" height="10" rx="1.8" />
    <path d="M10 13.5v3M6.5 16.5h7" />
  </>,
);
export const PointerIcon = icon(<path d="m5 3 9.5 7.2-4.3.6 2.5 4.8-1.9 1-2.5-4.9L5 14.8z" />);
export const ClipboardIcon = icon(
  <>
    <rect x="4.5" y="4" width="11" height="13" rx="1.8" />
    <path d="M7.5 4.5v-1h5v1M7.5 9h5M7.5 12.5h3.5" />
  </>,
);
export const StopIcon = icon(
  <>
    <circle cx="10" cy="10" r="7.2" />
    <path d="M7.5 7.5h5v5h-5z" />
  </>,
);
export const RefreshIcon = icon(
  <>
    <path d="M16 10a6 6 0 1 1-1.8-4.3" />
    <path d="M16.2 2.8v3.4h-3.4" />
  </>,
);

export const MessageIcon = icon(<path d="M4 4.5h12v8.2H9.4L6 15.8v-3.1H4z" />);
export const NoteIcon = icon(<path d="M5 3.5h7l3 3v10H5zM12 3.5v3h3M7.5 10h5M7.5 13h5" />);
export const BookmarkIcon = icon(<path d="M6 3.5h8v13l-4-3.2-4 3.2z" />);

export const CaseIcon = icon(
  <>
    <path d="M3 6.5h14v10H3z" />
    <path d="M7.500 6.500v-2.500h5v2.500M3 11h14" />
  </>,
);

export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" class="logo-tile" />
      <path d="M6 16h5.4M20.6 16H26" stroke="#fff" stroke-width="2.6" stroke-linecap="round" />
      <circle cx="16" cy="16" r="4.6" fill="none" stroke="#fff" stroke-width="2.6" />
      <circle cx="16" cy="16" r="1.5" fill="#fff" />
    </svg>
  );
}
export const RepeatIcon = icon(
  <path d="M5 9V7.5A2.5 2.5 0 0 1 7.5 5H15M12.8 2.8 15 5l-2.2 2.2M15 11v1.5a2.5 2.5 0 0 1-2.5 2.5H5M7.2 17.2 5 15l2.2-2.2" />,
);
export const WholeIcon = icon(<path d="M3 4v12M17 4v12M6 10h8M8.2 7.6 5.8 10l2.4 2.4M11.8 7.6l2.4 2.4-2.4 2.4" />);
