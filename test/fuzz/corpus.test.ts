// What `npm run fuzz` found worth keeping, tried again: every input ends in the parser's own words, and none takes long.
import { describe, expect, it } from "vitest";
import { corpusOf } from "./guided/engine.ts";
import { fuzzTargets } from "./guided/targets.ts";

describe.each(fuzzTargets)("$name", (target) => {
  it("takes or refuses all that was found, in its own words", async () => {
    const found = corpusOf(target.name);
    expect(found.length).toBeGreaterThan(0);
    for (const input of found) await target.run(input);
  });
});
