// What is pressed at viewer and target, over any course of keys, clicks, holds and releases.
import fc from "fast-check";
import { expect, it } from "vitest";
import { Pressed } from "../../../recorder/tap/vnc/pressed.ts";

type Step =
  | { do: "key"; sym: number; down: boolean }
  | { do: "pointer"; buttons: number }
  | { do: "freeze" | "release" };

const step = fc.oneof(
  fc.record({ do: fc.constant("key" as const), sym: fc.integer({ min: 1, max: 4 }), down: fc.boolean() }),
  fc.record({ do: fc.constant("pointer" as const), buttons: fc.integer({ min: 0, max: 7 }) }),
  fc.record({ do: fc.constantFrom("freeze" as const, "release" as const) }),
) satisfies fc.Arbitrary<Step>;

it("nothing stays down at the target that the viewer let go of, and nothing pressed during a hold is ever down there", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pressed = new Pressed();
      const target = new Set<number>();
      const viewer = new Set<number>();
      /** Down since before the last release: not to be seen at the target. */
      let fromBefore = new Set<number>();
      let [targetButtons, viewerButtons, heldButtons] = [0, 0, 0];
      let held = false;
      const send = (message: ReturnType<Pressed["letGo"]>[number]): void => {
        pressed.passed(message);
        if (message.type === "pointer") targetButtons = message.buttons;
        else if (message.type === "key" && message.down) target.add(message.sym);
        else if (message.type === "key") target.delete(message.sym);
      };
      for (const one of steps) {
        if (one.do === "freeze" && !held) {
          held = true;
          for (const message of pressed.letGo()) send(message);
          expect([target.size, targetButtons]).toEqual([0, 0]);
        } else if (one.do === "release" && held) {
          held = false;
          fromBefore = new Set(viewer);
          heldButtons = viewerButtons;
        } else if (one.do === "key") {
          const key = { type: "key", sym: one.sym, down: one.down } as const;
          if (one.down) viewer.add(one.sym);
          else viewer.delete(one.sym);
          if (held) pressed.droppedKey(key);
          else {
            const passes = pressed.takeKey(key);
            expect(passes).toBe(!fromBefore.has(one.sym));
            if (passes) send(key);
            if (!one.down) fromBefore.delete(one.sym);
          }
        } else if (one.do === "pointer") {
          viewerButtons = one.buttons;
          const pointer = { type: "pointer", x: 1, y: 1, buttons: one.buttons } as const;
          if (held) pressed.droppedPointer(pointer);
          else {
            heldButtons &= one.buttons;
            send(pressed.takePointer(pointer));
            expect(targetButtons).toBe(one.buttons & ~heldButtons);
          }
        }
        expect([...target].every((sym) => viewer.has(sym) && !held)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

it("lets go of the last key first, and of the buttons before the keys, where the pointer was", () => {
  const pressed = new Pressed();
  const shift = { type: "key", sym: 0xffe1, down: true } as const;
  const place = { type: "qemu-key", sym: 0x41, keycode: 30, down: true } as const;
  for (const key of [shift, place]) {
    expect(pressed.takeKey(key)).toBe(true);
    pressed.passed(key);
  }
  pressed.passed({ type: "pointer", x: 7, y: 9, buttons: 1 });
  expect(pressed.letGo()).toEqual([
    { type: "pointer", x: 7, y: 9, buttons: 0 },
    { ...place, down: false },
    { ...shift, down: false },
  ]);
});
