// An hour at a controller's shell, recorded: somebody who types without a pause, and a log that runs through.
import { type BuiltRecording, RecordingBuilder, type SigningKey } from "../../support/recording-builder.ts";
import { Plant } from "./sessions.ts";

const hourUs = 3_600_000_000;
const prompt = "service@plc-reactor-01:~$ ";
const keyUs = 180_000;
const logLines = 10_000;

export interface RecordedHour {
  recording: BuiltRecording;
  keystrokes: number;
  outputBytes: number;
}

export async function recordedHour(seed: number, key: SigningKey): Promise<RecordedHour> {
  const startedAt = new Date(Date.UTC(2024, 5, 3) + seed * hourUs).toISOString();
  const builder = new RecordingBuilder({ person: "vendor-hour", target: "plc-reactor-01", startedAt, seed }, key);
  builder.channel(0, { request: "shell", pty: true, cols: 120, rows: 40 });
  const plant = new Plant(seed);
  let atUs = 0;
  let keystrokes = 0;
  let outputBytes = 0;
  const show = async (text: string) => {
    outputBytes += Buffer.byteLength(text);
    await builder.output(0, atUs + 900, text);
  };
  const run = async (command: string, output: readonly string[]) => {
    for (const letter of command) {
      atUs += keyUs;
      builder.input({ t: atUs, ch: 0, k: "text", d: letter });
      await show(letter);
    }
    atUs += keyUs;
    builder.input({ t: atUs, ch: 0, k: "key", name: "Enter", d: "\r" });
    keystrokes += command.length + 1;
    await show("\r\n");
    for (let i = 0; i < output.length; i += 20) {
      atUs += 30_000;
      await show(`${output.slice(i, i + 20).join("\r\n")}\r\n`);
    }
    await show(prompt);
    atUs += 2_000_000;
  };
  await show(prompt);
  const log = Array.from({ length: logLines }, () => plant.ran("b0").output[0]!);
  await run("cat /var/log/controller.log", log);
  while (atUs < hourUs - 60_000_000) {
    const { command, output } = plant.ran(`b${plant.below(1_000_000)}`);
    await run(command, output);
  }
  return { recording: builder.finish(hourUs), keystrokes, outputBytes };
}
