// Combinations of a screen's keys that wait for somebody to agree: in any order, from the number pad, and however many
// other keys are down.
import { describe, expect, it } from "vitest";
import type { WritableMessage } from "../../../recorder/rfb/client-writer.ts";
import type { TapSession } from "../../../recorder/tap/tap.ts";
import { ConfirmedKeys } from "../../../recorder/tap/vnc/confirmed-keys.ts";
import { type KeyCombination, keyCombination } from "../../../shared/policy/key-combination.ts";

const [ctrl, alt, del] = [0xffe3, 0xffe9, 0xffff];

function open(...names: string[]) {
  const combinations = names.map((name) => keyCombination(name) as KeyCombination);
  const asked: string[] = [];
  const played: string[] = [];
  const settle: ((given: boolean) => void)[] = [];
  const desk = {
    keys: combinations,
    ask: ({ keys }: { keys: KeyCombination }) => {
      asked.push(keys.name);
      const answer = new Promise<{ given: boolean; sentence: string }>((resolve) => {
        settle.push((given) => resolve({ given, sentence: "" }));
      });
      return { sentence: "", answer, cancel: () => {} };
    },
  };
  const keys = new ConfirmedKeys({
    session: { confirm: desk, frozen: false } as unknown as TapSession,
    channel: 0,
    letGo: () => {},
    play: (messages: readonly WritableMessage[]) => {
      for (const one of messages) if (one.type === "key") played.push(`${one.down ? "+" : "-"}${one.sym.toString(16)}`);
    },
    tell: () => {},
    failed: (error) => {
      throw error;
    },
  });
  const press = (...syms: number[]) => syms.map((sym) => keys.take({ type: "key", sym, down: true })).at(-1);
  return { asked, played, settle, press };
}

describe("a combination that waits", () => {
  it.each([
    ["its last key last", [ctrl, alt, del]],
    ["its last key first, which repeats while it is held", [del, ctrl, alt]],
    ["other keys of the same meaning", [0xffe4, 0xffe7, 0xff9f]],
    ["more keys down than a keyboard has", [...Array.from({ length: 600 }, (_, i) => 0x0100_f000 + i), ctrl, alt, del]],
  ])("is asked about with %s, and played whole", async (_what, syms) => {
    const { asked, played, settle, press } = open("Ctrl+Alt+Delete");
    expect(press(...syms)).toBe(true);
    expect(asked).toEqual(["Ctrl+Alt+Delete"]);
    settle[0]?.(true);
    await new Promise(setImmediate);
    const [first, second, last] = syms.slice(-3).toSorted((a, b) => Number(isLast(a)) - Number(isLast(b)));
    const names = [first, second, last].map((sym) => (sym ?? 0).toString(16));
    expect(played).toEqual([...names.map((name) => `+${name}`), ...names.toReversed().map((name) => `-${name}`)]);
  });

  it("is found on the number pad, and by the other number of the same character", () => {
    for (const [name, sym] of [
      ["Alt+F4", 0xff94],
      ["Ctrl+T", 0x0100_0054],
      ["Ctrl+1", 0xffb1],
      ["Ctrl++", 0xffab],
      ["Ctrl+Space", 0xff80],
      ["Ctrl+ä", 0x0100_00c4],
    ] as const) {
      const { asked, press } = open(name);
      press(ctrl, alt, sym);
      expect(asked, name).toEqual([name]);
    }
  });

  it("is none without all of it", () => {
    const { asked, press } = open("Ctrl+Alt+Delete", "Alt+F4");
    press(ctrl, del, 0xffc2, 0x74);
    expect(asked).toEqual([]);
  });
});

const isLast = (sym: number) => [del, 0xff9f].includes(sym);
