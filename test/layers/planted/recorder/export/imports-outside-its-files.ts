// breaks: layer-recorder-export owner-of-xterm owner-of-sharp owner-of-fluent-ffmpeg
import "@xterm/headless";
import "fluent-ffmpeg";
import "sharp";
import "../../../../../recorder/record/segments/terminal-state.ts";
