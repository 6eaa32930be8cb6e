// The demo controller's interactive shell on one SSH channel. Fed with the channel's bytes and window changes.
import { type CommandContext, completions, run } from "./commands.ts";
import type { Controller } from "./controller.ts";
import { KeyDecoder } from "./keys.ts";
import { type Line, LineEditor } from "./line-editor.ts";
import type { MemoryFiles } from "./memory-files.ts";
import { greeting, overview } from "./views.ts";

export interface ShellOptions {
  controller: Controller;
  files: MemoryFiles;
  /** What `enable` asks for. */
  enablePassword: string;
  columns: number;
  rows: number;
  write(text: string): void;
  exit(code: number): void;
}

const wrongPasswordDelayMs = 400;

export class Shell {
  readonly #options: ShellOptions;
  readonly #decoder = new KeyDecoder();
  readonly #editor: LineEditor;
  #columns: number;
  #rows: number;
  #privileged = false;
  /** Keys go here instead of the editor while a full-screen view is up. */
  #viewKey: ((key: string) => void) | null = null;
  #closed = false;

  constructor(options: ShellOptions) {
    this.#options = options;
    this.#columns = options.columns;
    this.#rows = options.rows;
    this.#editor = new LineEditor(
      (text) => this.#write(text),
      (text) => completions.filter((word) => text !== "" && word.startsWith(text)).map((word) => word.trimEnd()),
    );
  }

  feed(data: Uint8Array): void {
    for (const key of this.#decoder.feed(data)) {
      if (this.#viewKey !== null) this.#viewKey(key);
      else this.#editor.key(key);
    }
  }

  resize(columns: number, rows: number): void {
    this.#columns = columns;
    this.#rows = rows;
  }

  /** The channel is gone. */
  close(): void {
    this.#closed = true;
    this.#viewKey?.("q");
  }

  async start(): Promise<void> {
    this.#print(greeting());
    while (!this.#closed) {
      const line = await this.#editor.read(`\x1b[1mPLC-REACTOR-01${this.#privileged ? "#" : ">"}\x1b[0m `, true);
      if (line.kind === "interrupt") continue;
      if (line.kind === "end" || /^\s*(exit|logout|quit)\s*$/i.test(line.text)) break;
      await this.#execute(line);
    }
    if (!this.#closed) this.#options.exit(0);
  }

  async #execute(line: Line): Promise<void> {
    switch (line.text.trim().toLowerCase()) {
      case "top":
        return await this.#top();
      case "enable":
        return await this.#enable();
      case "disable":
        this.#privileged = false;
        return;
      default:
        this.#print(run(line.text, this.#context()).lines);
    }
  }

  #context(): CommandContext {
    const { controller, files } = this.#options;
    return { controller, files, privileged: this.#privileged, columns: this.#columns };
  }

  async #enable(): Promise<void> {
    const given = await this.#editor.read("Password: ", false);
    if (given.kind !== "line") return;
    if (given.text === this.#options.enablePassword) {
      this.#privileged = true;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, wrongPasswordDelayMs));
    this.#print(["% Wrong password."]);
  }

  async #top(): Promise<void> {
    const { controller } = this.#options;
    const draw = () => {
      controller.advance();
      this.#write(overview(controller, this.#columns, this.#rows, Date.now()));
    };
    this.#write("\x1b[?1049h\x1b[?25l\x1b[2J");
    draw();
    const timer = setInterval(draw, 1000);
    await new Promise<void>((resolve) => {
      this.#viewKey = (key) => {
        if (key === "q" || key === "Q" || key === "\x03") resolve();
      };
    });
    clearInterval(timer);
    this.#viewKey = null;
    this.#write("\x1b[?25h\x1b[?1049l");
  }

  #print(lines: readonly string[]): void {
    this.#write(lines.map((line) => `${line}\r\n`).join(""));
  }

  #write(text: string): void {
    if (!this.#closed) this.#options.write(text);
  }
}
