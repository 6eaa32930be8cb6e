import { PassThrough, Readable } from "node:stream";
import { expect, test } from "vitest";
import { Output } from "../../../recorder/cli/output.ts";
import { Interrupted, promptHidden, readNewSecret, readPiped } from "../../../recorder/cli/terminal-input.ts";

function terminal() {
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) });
  const shown = new PassThrough();
  return { input, modes, prompts: new Output(shown), shown: () => String(shown.read() ?? "") };
}

test("a pipe is read whole, without its last line break only", async () => {
  expect(await readPiped(Readable.from([Buffer.from("two\nlines "), Buffer.from("\n\n")]))).toBe("two\nlines \n");
  expect(await readPiped(Readable.from([Buffer.from("crlf\r\n")]))).toBe("crlf");
});

test("a pipe without end does not fill memory", async () => {
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(65_536);
    })(),
  );
  await expect(readPiped(endless)).rejects.toThrow("larger than 1 MiB");
});

test("at a terminal, what is typed does not show, and the terminal is left as it was", async () => {
  const { input, modes, prompts, shown } = terminal();
  const answer = promptHidden(input, prompts, "Password: ");
  input.write("wrong\x15secrez\x7ft\r");
  expect(await answer).toBe("secret");
  expect(shown()).toBe("Password: \n");
  expect(modes).toEqual([true, false]);
});

test("Ctrl-C at a prompt interrupts, and the terminal is left as it was", async () => {
  const { input, modes, prompts } = terminal();
  const answer = promptHidden(input, prompts, "Password: ");
  input.write("sec\x03");
  await expect(answer).rejects.toBeInstanceOf(Interrupted);
  expect(modes).toEqual([true, false]);
});

test("two different entries change nothing", async () => {
  const { input, prompts } = terminal();
  const answer = readNewSecret(input, prompts, "New password");
  input.write("first one\r");
  setTimeout(() => input.write("other one\r"), 10);
  await expect(answer).rejects.toThrow("the two entries differ");
});
