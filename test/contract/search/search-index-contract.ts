// What every search index promises, as one suite with the same expectations. An index under test starts empty for each test.
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SearchDocument, SearchedSession, SearchIndex } from "../../../recorder/search/search-index.ts";
import { AppError } from "../../../shared/errors.ts";
import { allPages, facts, type Line, line, putInto, startedAt, textsOf } from "../../support/search-index.ts";

const spiteful = fc.array(
  fc.oneof(
    fc.constantFrom(..."\"*-()&|!:<>^+{}'\\;%_= "),
    fc.constantFrom("AND", "OR", "NOT", "NEAR", "<->", "\0", ":*", "'a':1A", "$$", "\ud800", "²", "̈", "ﬀ"),
    fc.string({ unit: "binary", maxLength: 6 }),
    fc.string({ unit: "grapheme", maxLength: 6 }),
    fc.constantFrom("pump", "text", "facets", "words", "é", "日本"),
  ),
  { maxLength: 40 },
);

export function searchIndexContract(name: string, open: () => Promise<SearchIndex>): void {
  describe(`search index contract: ${name}`, () => {
    let index: SearchIndex;
    beforeEach(async () => {
      index = await open();
    });
    afterEach(() => index.close());

    const put = (about: SearchedSession, lines: readonly Line[]) => putInto(index, about, lines);
    const found = (q: string, more: Parameters<typeof textsOf>[2] = {}) => textsOf(index, q, more);

    test("a put that is under way when the service stops is given up, and leaves what was there", async () => {
      await put(facts(1), [line("before")]);
      async function* many(): AsyncGenerator<SearchDocument> {
        for (let n = 0; n < 600; n++) yield { session: facts(1).session, kind: "output", atUs: n, text: `after ${n}` };
        index.stopPutting?.();
      }
      await expect(index.put(facts(1).session, many(), () => facts(1))).rejects.toMatchObject({ retryable: true });
      expect(await found("before")).toEqual(["before"]);
      expect(await index.remove(facts(1).session)).toBe(true);
    });

    test("a hit has its session, its second, its wall time and its marks", async () => {
      const about = await put(facts(1), [
        {
          kind: "command",
          atUs: 12_345_678,
          endUs: 13_000_000,
          text: "set setpoint 42.5",
          track: "terminal-0",
          exitStatus: 3,
        },
      ]);
      const { items, next } = await index.search({ q: "setpoint", limit: 5 });
      expect(next).toBeNull();
      expect(items).toEqual([
        {
          session: about.session,
          person: "erika",
          target: "plc-reactor-01",
          conduit: "reactor",
          protocol: "ssh",
          startedAt: "2026-11-23T02:01:00.250Z",
          kind: "command",
          atUs: 12_345_678,
          endUs: 13_000_000,
          at: "2026-11-23T02:01:12.595678Z",
          snippet: { text: "set setpoint 42.5", marks: [[4, 12]] },
          track: "terminal-0",
          exitStatus: 3,
        },
      ]);
    });

    test("words, phrases, prefixes and exclusions", async () => {
      await put(facts(1), [
        { kind: "output", atUs: 1, text: "valve V-101 opened at 14:02" },
        { kind: "output", atUs: 2, text: "valve V-102 closed" },
        { kind: "output", atUs: 3, text: "Über/cfg_max=10.0.0.1" },
      ]);
      expect(await found("valve")).toEqual(["valve V-102 closed", "valve V-101 opened at 14:02"]);
      expect(await found("valve opened")).toHaveLength(1);
      expect(await found('"valve v-102"')).toEqual(["valve V-102 closed"]);
      expect(await found('"102 valve"')).toEqual([]);
      expect(await found("clos*")).toEqual(["valve V-102 closed"]);
      expect(await found("valve -opened")).toEqual(["valve V-102 closed"]);
      expect(await found("uber 10.0.0.1 cfg_max")).toHaveLength(1);
      expect(await found("AND OR NOT NEAR")).toEqual([]);
    });

    test("filters by kind, person, target, conduit, protocol, session and time", async () => {
      const one = await put(facts(1), [{ kind: "command", atUs: 5e6, text: "reboot now" }]);
      const two = await put(facts(2, { person: "Petra", target: "hmi-2", conduit: "line", protocol: "vnc" }), [
        { kind: "screen-keys", atUs: 5e6, text: "reboot later" },
      ]);
      expect(await found("reboot")).toEqual(["reboot later", "reboot now"]);
      expect(await found("reboot", { kinds: ["command"] })).toEqual(["reboot now"]);
      expect(await found("reboot", { kinds: ["screen-keys", "file"] })).toEqual(["reboot later"]);
      expect(await found("reboot", { person: "pet" })).toEqual(["reboot later"]);
      expect(await found("reboot", { person: "et" })).toEqual(["reboot later"]);
      expect(await found("reboot", { person: "p*" })).toEqual(["reboot later"]);
      expect(await found("reboot", { person: "nobody" })).toEqual([]);
      expect(await found("reboot", { target: "plc-?eactor-01" })).toEqual(["reboot now"]);
      expect(await found("reboot", { conduit: "line" })).toEqual(["reboot later"]);
      expect(await found("reboot", { protocol: "ssh" })).toEqual(["reboot now"]);
      expect(await found("reboot", { session: one.session })).toEqual(["reboot now"]);
      expect(await found("", { session: two.session })).toEqual(["reboot later"]);
      expect(await found("", { kinds: ["command"] })).toEqual(["reboot now"]);
      expect(await found("reboot", { from: "2026-11-23T02:02:00Z" })).toEqual(["reboot later"]);
      expect(await found("reboot", { to: "2026-11-23T02:02:00Z" })).toEqual(["reboot now"]);
      expect(await found("reboot", { from: "2026-11-23T02:01:05.3Z", to: "2026-11-23T02:02:05Z" })).toEqual([]);
      expect(await found("reboot", { from: "2026-11-24" })).toEqual([]);
      await expect(found("reboot", { from: "yesterday" })).rejects.toThrow(/`from` is not a time/);
    });

    test("pages go on where the one before ended, newest first", async () => {
      for (let n = 1; n <= 3; n++) {
        await put(
          facts(n),
          [2, 1, 3].map((i) => ({ kind: "output", atUs: i, text: `pump ${n}.${i}` })),
        );
      }
      const texts: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await index.search({ q: "pump", limit: 2, ...(cursor === undefined ? {} : { cursor }) });
        texts.push(...page.items.map(({ snippet }) => snippet.text));
        cursor = page.next ?? undefined;
      } while (cursor !== undefined);
      expect(texts).toEqual(["3.3", "3.2", "3.1", "2.3", "2.2", "2.1", "1.3", "1.2", "1.1"].map((n) => `pump ${n}`));
      await expect(found("pump", { cursor: "!" })).rejects.toThrow(/cursor/);
    });

    test("by session: the number of hits and the last three of each, with pages", async () => {
      await put(facts(1), [{ kind: "output", atUs: 1, text: "alarm" }]);
      await put(
        facts(2),
        Array.from({ length: 7 }, (_, i) => ({ kind: "output" as const, atUs: i, text: `alarm ${i}` })),
      );
      const page = await index.search({ q: "alarm", limit: 1, group: "session" });
      expect(page.groups).toMatchObject([{ session: facts(2).session, count: 7 }]);
      expect(page.groups?.[0]?.hits.map(({ snippet }) => snippet.text)).toEqual(["alarm 6", "alarm 5", "alarm 4"]);
      const rest = await index.search({ q: "alarm", limit: 1, group: "session", cursor: page.next ?? "" });
      expect(rest.groups).toMatchObject([{ session: facts(1).session, count: 1 }]);
      expect(rest.next).toBeNull();
    });

    test("a recording that is put again replaces what was known of it, notes stay, and what is removed is gone", async () => {
      const about = facts(1);
      await index.putNotes(about.session, [
        { session: about.session, kind: "note", atUs: 2, text: "look at the pump" },
      ]);
      expect(await found("pump")).toEqual([]);
      await put(about, [{ kind: "output", atUs: 1, text: "pump one" }]);
      await put(about, [{ kind: "output", atUs: 1, text: "pump two" }]);
      expect(await found("pump")).toEqual(["look at the pump", "pump two"]);
      await index.putNotes(about.session, []);
      expect(await found("pump")).toEqual(["pump two"]);
      expect(await index.remove(about.session)).toBe(true);
      expect(await index.remove(about.session)).toBe(false);
      expect(await found("pump")).toEqual([]);
      expect(await index.state(about.session)).toBeNull();
    });

    test("sessions of one moment each have their place, and what is encrypted under a month leaves with its key", async () => {
      const at = { startedAt };
      await put(facts(1, { ...at, keyMonth: "2027-02" }), [{ kind: "output", atUs: 1, text: "pump 1" }]);
      await put(facts(2, { ...at, keyMonth: "2027-03", contents: "session" }), [
        { kind: "output", atUs: 1, text: "pump 2" },
      ]);
      await put(facts(3, { ...at, damage: ["terminal-0: bad"], leftOut: { output: 3 } }), []);
      expect(await found("pump")).toEqual(["pump 2", "pump 1"]);
      expect(await index.coverage()).toEqual({ sessions: 3, damaged: 1, shortened: 1, withoutContents: 1 });
      expect(await index.removeMonth("2027-02")).toBe(1);
      expect(await found("pump")).toEqual(["pump 2"]);
      expect(await index.state(facts(3).session)).toMatchObject({
        damage: ["terminal-0: bad"],
        leftOut: { output: 3 },
      });
      expect([...(await index.sessions()).keys()].sort()).toEqual([facts(2).session, facts(3).session].sort());
    });

    test("files are found by their digest, whole or its beginning", async () => {
      const digest = "ab".repeat(32);
      await put(facts(1), [{ kind: "file", atUs: 1, text: "/recipes/reactor.bin", digest, bytes: 12 }]);
      expect(await found(digest)).toEqual(["/recipes/reactor.bin"]);
      expect(await found(digest.slice(0, 20).toUpperCase())).toEqual(["/recipes/reactor.bin"]);
      expect(await found("cd".repeat(32))).toEqual([]);
    });

    test.each(["2026-02-30", "2026-02-30T08:00:00Z", "2026-13-01"])(
      "the time %s, which does not exist, is refused",
      async (from) => {
        await expect(found("pump", { from })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
      },
    );

    test.each([
      [
        "umlauts and accents",
        "Überdruck in Kühlöl-Café",
        ["uberdruck", "ÜBERDRUCK", "kühlöl", "kuhlol", "cafe*", "U\u0308berdruck"],
      ],
      ["a sharp s and a final sigma", "Straße ΟΔΟΣ", ["straße", "STRAßE", "οδος", "ΟΔΟΣ"]],
      ["Cyrillic", "Клапан Открыт йод", ["клапан", "КЛАПАН открыт", "откр*", '"клапан открыт"', "йод"]],
      ["CJK, which has no spaces", "阀门打开 バルブ 밸브", ["阀门打开", "阀门*", "バルブ", "밸브"]],
      [
        "file names with signs",
        "copied PLC_4.db to /etc/fstab",
        ["PLC_4.db", "plc 4 db", "/etc/fstab", '"etc fstab"', "etc/fst*"],
      ],
      [
        "addresses and numbers",
        "10.0.0.1:22 -5 1e5 0x1F 12abc v2.0-rc1",
        ["10.0.0.1", "5", "1e5", "0x1f", "12abc", "v2.0-rc1"],
      ],
      [
        "what looks like mail or an address",
        "erika@plc.example https://hmi:8443/a?b=c",
        ["erika@plc.example", "example", "https", "hmi 8443"],
      ],
      ["quotes and backslashes", "it's C:\\temp\\'x' = \"y\"", ["it's", "c:\\temp", "temp x y"]],
    ])("words of %s", async (_what, text, queries) => {
      await put(facts(1), [line("nothing of the kind", 1), line(text, 2)]);
      for (const q of queries) expect(await found(q), q).toEqual([text]);
    });

    test("letters that are not the same are not taken for the same", async () => {
      await put(facts(1), [line("йод"), line("阀门打开"), line("PLC_4.db"), line("pumps")]);
      for (const q of ["иод", "打开", "plc4", "pump", "PLC_40.db", '"4 plc"']) expect(await found(q), q).toEqual([]);
    });

    test("words of any length are found whole and by their beginning", async () => {
      const [ascii, wide] = ["a1".repeat(1_000), "Ж".repeat(2_000)];
      await put(facts(1), [line(ascii, 1), line(wide, 2)]);
      expect(await found(`${ascii.slice(0, 400)}*`)).toEqual([ascii]);
      expect(await found(`${wide.slice(0, 400)}*`)).toEqual([wide]);
      expect(await found(ascii.slice(0, 400))).toEqual([]);
    });

    test("of a long line so much is shown as holds what was asked for, marked", async () => {
      const filler = (from: number) => Array.from({ length: 40 }, (_, i) => `w${from + i}`).join(" ");
      await put(facts(1), [line(`${filler(0)} Ventil_7 öffnet ${filler(100)} ventil 7`)]);
      const { items } = await index.search({ q: '"ventil 7" offnet', limit: 5 });
      const snippet = items[0]?.snippet;
      expect(snippet?.text).toMatch(/^…w.*w39 Ventil_7 öffnet w100 .*…$/);
      expect(snippet?.marks.map(([from, to]) => snippet.text.slice(from, to))).toEqual(["Ventil_7", "öffnet"]);
    });

    test("no text makes a fault of the database: it is answered, or refused in words", async () => {
      await put(facts(1), [line("pump NOT running AND 'quoted' {text} : ^a* NEAR(b c, 2)")]);
      const answered = async (pieces: readonly string[]) => {
        const text = pieces.join("").slice(0, 500);
        for (const query of [
          { q: text },
          { q: "pump", person: text },
          { q: "", conduit: text },
          { q: "pump", session: text },
        ]) {
          try {
            expect((await index.search({ ...query, limit: 3 })).items.length).toBeLessThanOrEqual(1);
          } catch (error) {
            if (!(error instanceof AppError) || error.code !== "REQUEST_INVALID") throw error;
          }
        }
      };
      await fc.assert(fc.asyncProperty(spiteful, answered), { numRuns: 150 });
    });

    test("no cursor and no time makes a fault of the database", async () => {
      await put(facts(1), [line("pump")]);
      for (const cursor of ["zzzzzzzzzz", "0", "2gosa7pa2gv"]) {
        for (const group of [{}, { group: "session" as const }])
          await index.search({ q: "pump", limit: 1, cursor, ...group });
      }
      expect(await found("pump", { from: "0000-01-01", to: "9999-12-31" })).toEqual(["pump"]);
    });

    test("what a recording holds makes no fault either", async () => {
      const texts = ["\0", "a\0b", "\ud800", "\udc00x", "", "'", "\\", "'' : <-> !", "\u0002\u0003"];
      await put(
        facts(1, { damage: ["\0 damaged"] }),
        texts.map((text, i) => line(`${text} lamp`, i)),
      );
      expect(await found("lamp")).toHaveLength(texts.length);
    });

    test("pages go on in their order while other recordings are put in, again and taken out", async () => {
      const of = (n: number) => [1, 2, 3, 4].map((i) => line(`pump ${n}.${i}`, i));
      for (const n of [2, 4, 6]) await put(facts(n), of(n));
      let n = 0;
      const pages = await allPages(index, { q: "pump", limit: 2 }, async () => {
        n++;
        if (n === 1) await put(facts(8), of(8));
        if (n === 2) await put(facts(4), of(4));
        if (n === 3) await index.remove(facts(2).session);
      });
      const texts = pages.flatMap(({ items }) => items.map(({ snippet }) => snippet.text));
      expect(texts).toEqual(["6.4", "6.3", "6.2", "6.1", "4.4", "4.3", "4.2", "4.1"].map((one) => `pump ${one}`));
    });

    test("recordings that are put, removed, noted and searched beside one another are whole or not there", async () => {
      const lines = Array.from({ length: 60 }, (_, i) => line(`pump ${i}`, i));
      const same = { startedAt };
      const note = (session: string): SearchDocument => ({ session, kind: "note", atUs: 5, text: "look" });
      const work = [1, 2, 3, 4].flatMap((number) => {
        const about = facts(number, same);
        return [
          put(about, lines),
          index.putNotes(about.session, [note(about.session)]),
          put(about, lines),
          index.search({ q: "pump", group: "session", limit: 10 }).then(({ groups = [] }) => {
            for (const { count } of groups) expect(count).toBe(60);
          }),
        ];
      });
      await Promise.all([...work, index.remove(facts(7, same).session)]);
      const { groups } = await index.search({ q: "pump", group: "session", limit: 10 });
      expect(groups?.map(({ count }) => count)).toEqual([60, 60, 60, 60]);
      expect(await found("look")).toHaveLength(4);
      await Promise.all([1, 2, 3, 4].map((number) => index.remove(facts(number, same).session)));
      expect(await found("")).toEqual([]);
      expect((await index.coverage()).sessions).toBe(0);
    });

    test("a recording that fails while it is read changes nothing of what was known of it", async () => {
      const about = await put(facts(1), [line("pump one")]);
      async function* failing(): AsyncGenerator<SearchDocument> {
        yield { ...line("pump two"), session: about.session };
        throw new Error("the store is away");
      }
      await expect(index.put(about.session, failing(), () => about)).rejects.toThrow("the store is away");
      expect(await found("pump")).toEqual(["pump one"]);
    });

    test("numbers beyond 32 bits come back as they were", async () => {
      await put(facts(1), [
        { kind: "file", atUs: 3e10, endUs: 4e10, text: "dump.bin", bytes: 2 ** 45, exitStatus: 255 },
      ]);
      const { items } = await index.search({ q: "dump.bin", limit: 1 });
      expect(items[0]).toMatchObject({ atUs: 3e10, endUs: 4e10, bytes: 2 ** 45, exitStatus: 255 });
    });
  });
}
