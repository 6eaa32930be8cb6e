import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  EscortPresence,
  type PresenceBeat,
  type PresenceChange,
  type PresenceRules,
} from "../../../recorder/session/escort-presence.ts";

const rules: PresenceRules = {
  mustWatch: true,
  graceSeconds: 120,
  presenceSeconds: 600,
  answerSeconds: 60,
};

/** A clock, a ticker four times a second, and pages that speak each second unless the test lets them fall silent. */
function begin(more: Partial<PresenceRules> = {}) {
  const presence = new EscortPresence({ ...rules, ...more });
  const changes: { atMs: number; change: PresenceChange }[] = [];
  let nowMs = 1000;
  let edgeUs = 0;
  const pages = new Map<string, { silent: boolean; visible: boolean; seenUs: number | null; beatMs: number }>();
  const take = (some: PresenceChange[]) => changes.push(...some.map((change) => ({ atMs: nowMs, change })));
  const beat = (watch: string) => {
    const page = pages.get(watch);
    if (page === undefined) return;
    page.beatMs = nowMs;
    take(
      presence.beat(watch, {
        visible: page.visible,
        seenUs: page.seenUs ?? edgeUs,
        edgeUs,
        atMs: nowMs,
      } as PresenceBeat),
    );
  };
  const at = {
    presence,
    changes,
    types: () => changes.map(({ change }) => change.type),
    lost: () => changes.filter(({ change }) => change.type === "lost"),
    whys: () => changes.flatMap(({ change }) => (change.type === "lost" ? [change.why] : [])),
    now: () => nowMs,
    join: (watch: string, person: string, refusal: string | null = null) => {
      pages.set(watch, { silent: false, visible: true, seenUs: null, beatMs: nowMs });
      take(presence.joined({ watch, person, since: "2026-11-23T10:00:00.000Z", refusal }, nowMs));
      beat(watch);
    },
    leave: (watch: string) => {
      pages.delete(watch);
      take(presence.left(watch, nowMs));
    },
    page: (watch: string) => {
      const page = pages.get(watch);
      if (page === undefined) throw new Error(`no page ${watch}`);
      return page;
    },
    beat,
    act: (person: string) => take(presence.acted(person, nowMs)),
    answer: (watch: string, id: string) => take(presence.answered(watch, id, nowMs)),
    counts: (person?: string) => presence.counts(nowMs, person),
    /** In quarters of a second; the target shows something all the time where `busy`. */
    pass: (seconds: number, busy = false) => {
      for (let step = 0; step < Math.round(seconds * 4); step++) {
        nowMs += 250;
        if (busy) edgeUs = nowMs * 1000;
        for (const [watch, page] of pages) if (!page.silent && nowMs - page.beatMs >= 1000) beat(watch);
        take(presence.tick(nowMs));
      }
    },
    jump: (seconds: number) => {
      nowMs += seconds * 1000;
      take(presence.tick(nowMs));
    },
    edge: (us: number) => {
      edgeUs = us;
    },
  };
  return at;
}

/** One escort who watches and has released the session. */
function underway(more: Partial<PresenceRules> = {}) {
  const one = begin(more);
  one.join("w1", "emil");
  one.pass(1);
  expect(one.counts("emil")).toBe(true);
  one.presence.released();
  return one;
}

describe("a watch counts", () => {
  it("from its first word on, and says so once", () => {
    const one = begin();
    one.join("w1", "emil");
    one.pass(30);
    expect(one.types()).toEqual(["begin"]);
    expect([one.counts(), one.counts("EMIL"), one.counts("eve")]).toEqual([true, true, false]);
  });

  it("not where its person may not escort", () => {
    const one = begin();
    one.join("w1", "vera", "Nobody escorts themselves.");
    one.pass(5);
    expect([one.types(), one.counts()]).toEqual([[], false]);
    expect(one.presence.watching()).toMatchObject([{ counts: false, whyNot: "Nobody escorts themselves." }]);
  });

  it("not before the page has said that it shows the session", () => {
    const presence = new EscortPresence(rules);
    presence.joined({ watch: "w1", person: "emil", since: "", refusal: null }, 0);
    expect(presence.counts(0)).toBe(false);
    presence.beat("w1", { visible: true, seenUs: 0, edgeUs: 60_000_000, atMs: 10 });
    expect(presence.watching()).toMatchObject([{ counts: false, whyNot: expect.stringContaining("late") }]);
    presence.beat("w1", { visible: true, seenUs: 59_000_000, edgeUs: 60_000_000, atMs: 900 });
    expect(presence.counts(900)).toBe(true);
  });

  it("also after a long pause, when something is shown and the page has not had the time to say that it has it", () => {
    const one = underway();
    one.pass(60);
    one.edge(60_000_000);
    one.pass(60);
    expect(one.lost()).toEqual([]);
  });
});

describe("the last escort is lost", () => {
  const ways: [string, (one: ReturnType<typeof begin>) => void][] = [
    ["left", (one) => one.leave("w1")],
    [
      "hidden",
      (one) => {
        one.page("w1").visible = false;
        one.beat("w1");
      },
    ],
    [
      "silent",
      (one) => {
        one.page("w1").silent = true;
      },
    ],
    [
      "behind",
      (one) => {
        one.page("w1").seenUs = one.now() * 1000;
      },
    ],
  ];
  it.each(ways)("%s: within three seconds of the page's last good word, once, and it stays lost", (why, lose) => {
    const one = underway();
    one.pass(20, true);
    const lastGoodMs = one.page("w1").beatMs;
    lose(one);
    one.pass(20, true);
    expect(one.whys()).toEqual([why]);
    // Of a page that falls behind it is known three seconds later, and the session stands still within three more.
    const mostMs = why === "behind" ? 6000 : 3000;
    expect((one.lost()[0]?.atMs ?? 0) - lastGoodMs).toBeLessThanOrEqual(mostMs);
    expect(one.changes.find(({ change }) => change.type === "end")?.change).toMatchObject({ person: "emil", why });
  });

  it("the question is not answered: when its time is up", () => {
    const one = underway();
    one.pass(598);
    expect(one.types()).toEqual(["begin"]);
    one.pass(2);
    expect(one.changes.at(-1)?.change).toMatchObject({ type: "prompt", watch: "w1", leftMs: 60_000 });
    one.pass(58);
    expect(one.lost()).toEqual([]);
    one.pass(3);
    expect(one.whys()).toEqual(["unanswered"]);
  });

  it("a late answer makes the page count again, and releases nothing", () => {
    const one = underway({ graceSeconds: 10 });
    one.pass(662);
    const prompt = one.changes.find(({ change }) => change.type === "prompt")?.change as { id: string };
    expect(one.counts()).toBe(false);
    one.answer("w1", "another");
    expect(one.counts()).toBe(false);
    one.answer("w1", prompt.id);
    expect(one.counts()).toBe(true);
    one.pass(15);
    expect(one.types().filter((type) => type === "gone")).toEqual(["gone"]);
  });

  it("answered, or shown to be there by a control: asked again a whole time later", () => {
    const one = underway();
    one.pass(605);
    const prompt = one.changes.at(-1)?.change as { id: string };
    one.answer("w1", prompt.id);
    one.pass(595);
    one.act("Emil");
    one.pass(590);
    expect(one.types()).toEqual(["begin", "prompt"]);
    one.pass(20);
    expect(one.types()).toEqual(["begin", "prompt", "prompt"]);
    expect(one.lost()).toEqual([]);
  });

  it("a page that is opened again and again answers no question", () => {
    const one = underway();
    one.join("w2", "eve");
    for (let i = 0; i < 30; i++) {
      one.pass(30);
      one.act("eve");
      one.leave("w1");
      one.join("w1", "emil");
    }
    expect(one.counts("emil")).toBe(false);
    expect([one.counts("eve"), one.lost()]).toEqual([true, []]);
  });

  it("no question is asked where the policy says so", () => {
    const one = underway({ presenceSeconds: 0 });
    one.pass(3600);
    expect(one.types()).toEqual(["begin"]);
  });

  it("nothing is lost where policy wants nobody to watch, nor before the session was released", () => {
    const free = underway({ mustWatch: false });
    free.leave("w1");
    free.pass(300);
    expect(free.types()).toEqual(["begin", "end"]);
    const waiting = begin();
    waiting.join("w1", "emil");
    waiting.pass(2);
    waiting.leave("w1");
    waiting.pass(300);
    expect(waiting.types()).toEqual(["begin", "end"]);
  });
});

describe("two escorts", () => {
  it("one leaves: it goes on; the other too: lost", () => {
    const one = underway();
    one.join("w2", "eve");
    one.leave("w1");
    one.pass(30);
    expect(one.lost()).toEqual([]);
    one.leave("w2");
    expect(one.changes.at(-1)?.change).toEqual({ type: "lost", last: "eve", why: "left" });
  });

  it("of one person, two pages: one may be hidden", () => {
    const one = underway();
    one.join("w2", "emil");
    one.page("w1").visible = false;
    one.pass(30);
    expect([one.lost(), one.counts("emil")]).toEqual([[], true]);
  });
});

describe("a page that goes behind another one", () => {
  it("for a moment counts on; for longer it does not", () => {
    const one = underway();
    one.page("w1").visible = false;
    one.beat("w1");
    one.pass(1);
    one.page("w1").visible = true;
    one.beat("w1");
    one.pass(5);
    expect(one.lost()).toEqual([]);
    one.page("w1").visible = false;
    one.beat("w1");
    one.pass(2);
    expect(one.whys()).toEqual(["hidden"]);
  });

  it("releases nothing at that moment", () => {
    const one = underway();
    expect(one.counts("emil")).toBe(true);
    one.page("w1").visible = false;
    one.beat("w1");
    expect([one.counts("emil"), one.presence.watching()[0]?.counts]).toEqual([false, true]);
  });
});

describe("grace", () => {
  it("ends once, so long after the loss", () => {
    const one = underway();
    one.leave("w1");
    const lostMs = one.now();
    expect(one.presence.graceEndsMs).toBe(lostMs + 120_000);
    one.pass(119);
    expect(one.types()).not.toContain("gone");
    one.pass(300);
    expect(one.changes.filter(({ change }) => change.type === "gone").map(({ atMs }) => atMs - lostMs)).toEqual([
      120_000,
    ]);
  });

  it("is over with the release", () => {
    const one = underway();
    one.leave("w1");
    one.pass(100);
    one.join("w2", "emil");
    one.pass(1);
    one.presence.released();
    expect(one.presence.graceEndsMs).toBeNull();
    one.pass(300);
    expect(one.types()).not.toContain("gone");
  });
});

describe("clocks", () => {
  it("a service that stood still hears its pages first, and those that are gone are lost then", () => {
    const one = underway();
    one.jump(10);
    expect(one.lost()).toEqual([]);
    one.beat("w1");
    one.pass(5);
    expect(one.lost()).toEqual([]);
    one.page("w1").silent = true;
    one.jump(10);
    one.pass(0.25);
    expect(one.whys()).toEqual(["silent"]);
  });

  it("who was silent while it stood still does not count for a release at once", () => {
    const one = begin();
    one.join("w1", "emil");
    one.jump(10);
    expect(one.counts("emil")).toBe(false);
  });

  it("time that is given backwards is taken as standing still", () => {
    const presence = new EscortPresence(rules);
    presence.joined({ watch: "w1", person: "emil", since: "", refusal: null }, 10_000);
    presence.beat("w1", { visible: true, seenUs: 0, edgeUs: 0, atMs: 10_000 });
    presence.released();
    expect(presence.tick(2000)).toEqual([]);
    presence.beat("w1", { visible: true, seenUs: 0, edgeUs: 0, atMs: 500 });
    expect(presence.counts(0)).toBe(true);
    presence.tick(10_250);
    presence.tick(10_500);
    expect(presence.counts(13_000)).toBe(false);
  });
});

it("the end of the session says until when each of them watched, and loses nobody", () => {
  const one = underway();
  one.join("w2", "eve");
  one.pass(10);
  expect(one.presence.close(one.now())).toEqual([
    { type: "end", watch: "w1", person: "emil", why: "ended", seconds: 11 },
    { type: "end", watch: "w2", person: "eve", why: "ended", seconds: 10 },
  ]);
  expect(one.counts()).toBe(false);
});

const pageActs = ["join", "leave", "hide", "show", "lag", "keep-up", "fall-silent", "speak", "release"] as const;
type Act = { do: (typeof pageActs)[number]; page: number } | { do: "pass"; ms: number };

const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom(...pageActs), page: fc.nat({ max: 2 }) }),
    fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 4000 }) }),
  ),
  { minLength: 1, maxLength: 150, size: "max" },
);

/** Whatever pages do: judged anew from their whole story, and by nothing that the machine remembers. */
it("goes on only while a page is in front, speaks and keeps up; and stands still within three seconds when none is", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(acts, (script) => {
      const presence = new EscortPresence({ ...rules, presenceSeconds: 0 });
      interface Page {
        visible: boolean;
        lags: boolean;
        silent: boolean;
        seenUs: number;
        beatMs: number;
        goodMs: number;
      }
      const pages = new Map<number, Page>();
      let nowMs = 0;
      let going = false;
      let goodMs = 0;
      let lagged = false;
      const take = (changes: PresenceChange[]) => {
        for (const change of changes) {
          if (change.type !== "lost") continue;
          expect(going).toBe(true);
          going = false;
          seen.set(change.why, (seen.get(change.why) ?? 0) + 1);
        }
      };
      const speak = (at: number) => {
        const page = pages.get(at);
        if (page === undefined) return;
        const edgeUs = nowMs * 1000;
        if (!page.lags) page.seenUs = edgeUs;
        page.beatMs = nowMs;
        // Good is what is in front, as of the moment that it shows.
        if (page.visible) page.goodMs = Math.max(page.goodMs, page.seenUs / 1000);
        goodMs = Math.max(goodMs, page.goodMs);
        take(presence.beat(`w${at}`, { visible: page.visible, seenUs: page.seenUs, edgeUs, atMs: nowMs }));
      };
      const look = () => {
        if (!going) return;
        // That a page is late is known three seconds later; then it may fall silent or go behind another one.
        expect(nowMs - goodMs).toBeLessThanOrEqual(lagged ? 6000 : 3000);
        expect(pages.size).toBeGreaterThan(0);
      };
      for (const act of script) {
        if (act.do === "pass") {
          for (let left = act.ms; left > 0; left -= 250) {
            nowMs += Math.min(left, 250);
            for (const [at, page] of pages) if (!page.silent && nowMs - page.beatMs >= 1000) speak(at);
            take(presence.tick(nowMs));
            look();
          }
          continue;
        }
        const page = pages.get(act.page);
        const watch = `w${act.page}`;
        if (act.do === "join" && page === undefined) {
          const begins = { visible: true, lags: false, silent: false, seenUs: 0, beatMs: nowMs, goodMs: -10_000 };
          pages.set(act.page, begins);
          take(presence.joined({ watch, person: `p${act.page}`, since: "", refusal: null }, nowMs));
          speak(act.page);
        } else if (act.do === "leave" && page !== undefined) {
          pages.delete(act.page);
          take(presence.left(watch, nowMs));
        } else if (act.do === "release") {
          const may = presence.counts(nowMs, `p${act.page}`);
          if (may && page === undefined) throw new Error("released by nobody");
          // In front now, and heard of lately; of a page that lags it takes three seconds to know.
          if (may) expect(page?.visible).toBe(true);
          if (may) expect(nowMs - (page?.beatMs ?? 0)).toBeLessThanOrEqual(2500);
          if (may) expect(nowMs - (page?.goodMs ?? 0)).toBeLessThanOrEqual(6000);
          if (may && !going) {
            going = true;
            presence.released();
          }
        } else if (page !== undefined) {
          if (act.do === "hide" || act.do === "show") page.visible = act.do === "show";
          if (act.do === "lag" || act.do === "keep-up") page.lags = act.do === "lag";
          lagged ||= page.lags;
          if (act.do === "fall-silent" || act.do === "speak") page.silent = act.do === "fall-silent";
          if (!page.silent) speak(act.page);
          // What it does behind the service's back, the service does not know.
          else if (act.do === "hide" || act.do === "show") page.visible = true;
        }
        look();
      }
    }),
    { numRuns: 400 },
  );
  // The scripts came by every way that there is.
  expect([...seen.keys()].sort()).toEqual(["behind", "hidden", "left", "silent"]);
});
