// Cases: recordings, notes, holds and imported events that belong to one question, and who works on it. Everybody who sees
// recordings sees cases; those who work on one and administrators change it. Invariant: each step is in the audit and the
// ledger before it counts, and in the case's own history with it.
import type { Kysely, Selectable } from "kysely";
import type {
  AddCaseSession,
  Case,
  CaseHoldsResult,
  CaseQuery,
  CaseSession,
  CaseState,
  CaseSummary,
  EditCase,
  NewCase,
  ReleaseCase,
} from "../../shared/api/cases.ts";
import type { Hold } from "../../shared/api/retention.ts";
import { AppError } from "../../shared/errors.ts";
import type { Imports } from "./imports.ts";
import type { Notes } from "./notes.ts";
import {
  type CaseActor,
  type CaseParts,
  conflict,
  forbidden,
  isAdmin,
  notFound,
  readsContent,
  sameName,
  Turns,
  timeOf,
} from "./parts.ts";
import type { CasesTable, CaseTables } from "./tables.ts";

const maxSessions = 500;
const maxMembers = 50;
const maxListed = 500;

type Row = Selectable<CasesTable>;
type Change = (trx: Kysely<CaseTables>) => Promise<unknown>;

export class Cases {
  readonly #parts: CaseParts;
  readonly #notes: Notes;
  readonly #imports: Imports;
  readonly #turns = new Turns();

  constructor(parts: CaseParts, notes: Notes, imports: Imports) {
    this.#parts = parts;
    this.#notes = notes;
    this.#imports = imports;
  }

  /** Those changed last first. */
  async list({ state, session, text, mine }: CaseQuery, by: Pick<CaseActor, "name">): Promise<CaseSummary[]> {
    const { db } = this.#parts;
    let query = db.selectFrom("cases").selectAll();
    if (state !== undefined) query = query.where("state", "=", state);
    if (session !== undefined)
      query = query.where("id", "in", db.selectFrom("case_sessions").select("case_id").where("session", "=", session));
    if (mine === "true") {
      const own = db.selectFrom("case_members").select("case_id").where("person_key", "=", by.name.toLowerCase());
      query = query.where("id", "in", own);
    }
    const rows = await query.orderBy("changed_at", "desc").orderBy("id", "desc").execute();
    const words = (text ?? "")
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    const found = rows.filter(({ id, title, description }) => {
      const said = `${id} ${title} ${description}`.toLowerCase();
      return words.every((word) => said.includes(word));
    });
    const listed: CaseSummary[] = [];
    for (const row of found.slice(0, maxListed)) {
      const sessions = await db
        .selectFrom("case_sessions")
        .select((e) => e.fn.countAll<number | bigint>().as("count"))
        .where("case_id", "=", row.id)
        .executeTakeFirstOrThrow();
      const members = (await this.#members(row.id)).map(({ person }) => person);
      listed.push({ ...toSummary(row), members, sessions: Number(sessions.count) });
    }
    return listed;
  }

  async get(id: string, by: Pick<CaseActor, "name" | "roles">): Promise<Case> {
    const row = await this.#find(id);
    const { db } = this.#parts;
    const members = await this.#members(id);
    const added = await db
      .selectFrom("case_sessions")
      .selectAll()
      .where("case_id", "=", id)
      .orderBy("added_at")
      .orderBy("session")
      .execute();
    const sessions: CaseSession[] = [];
    for (const { session, reason, added_by: addedBy, added_at: addedAt } of added) {
      const recording = await this.#parts.recordings.find(session);
      const holds = await this.#holdsOf(session);
      sessions.push({ session, reason, addedBy, addedAt, recording, holds, notes: await this.#notes.of({ session }) });
    }
    sessions.sort((a, b) => (a.recording?.startedAt ?? "").localeCompare(b.recording?.startedAt ?? ""));
    const events = await db.selectFrom("case_events").selectAll().where("case_id", "=", id).orderBy("n").execute();
    return {
      ...toSummary(row),
      description: row.description,
      version: Number(row.version),
      members,
      sessions,
      notes: await this.#notes.of({ caseId: id }),
      imports: await this.#imports.of({ caseId: id }),
      history: events.map(({ at, actor, action, text }) => ({ at, actor, action, text })),
      mayChange: mayChange(members, by),
    };
  }

  create({ title, description, members }: NewCase, by: CaseActor): Promise<string> {
    return this.#turns.take(async () => {
      const { db } = this.#parts;
      const people = [by.name];
      for (const name of members) {
        const person = await this.#colleague(name);
        if (!people.some((one) => sameName(one, person))) people.push(person);
      }
      const at = timeOf(this.#parts);
      const id = await nextId(db, at.slice(0, 4));
      await this.#tell("case.create", id, by, { title, members: people });
      const row: Row = {
        id,
        title,
        description,
        state: "open",
        version: 1,
        created_by: by.name,
        created_at: at,
        changed_at: at,
      };
      await db.transaction().execute(async (trx) => {
        await trx.insertInto("cases").values(row).execute();
        for (const person of people)
          await trx
            .insertInto("case_members")
            .values(memberRow(id, person, by, at))
            .execute();
        await addEvent(trx, id, { at, actor: by.name, action: "case.create", text: `opened the case: ${title}` });
      });
      return id;
    });
  }

  /** REQUEST_CONFLICT where somebody was faster. */
  edit(id: string, { version, title, description, state, reason }: EditCase, by: CaseActor): Promise<void> {
    return this.#turns.take(async () => {
      const row = await this.#changeable(id, by, { closed: true });
      if (Number(row.version) !== version)
        throw conflict("somebody has changed this case meanwhile: look at it as it is now, and change it then");
      const next = state ?? row.state;
      if (row.state === "closed" && next === "closed") throw conflict("the case is closed: open it again to change it");
      const changes: string[] = [];
      if (title !== undefined && title !== row.title) changes.push(`named it ${title}`);
      if (description !== undefined && description !== row.description) changes.push("changed its description");
      const turned = next !== row.state;
      if (turned && reason === undefined)
        throw invalid(`say why the case is ${next === "closed" ? "closed" : "opened again"}`);
      if (turned) changes.push(`${next === "closed" ? "closed it" : "opened it again"}: ${reason}`);
      if (changes.length === 0) return;
      const action = turned ? (next === "closed" ? "case.close" : "case.reopen") : "case.edit";
      const facts = { ...(reason === undefined ? {} : { reason }), ...(title === undefined ? {} : { title }) };
      const set = { title: title ?? row.title, description: description ?? row.description, state: next };
      const change: Change = (trx) => trx.updateTable("cases").set(set).where("id", "=", id).execute();
      await this.#do(row, action, changes.join("; "), by, facts, change, true);
    });
  }

  addMember(id: string, name: string, by: CaseActor): Promise<void> {
    return this.#turns.take(async () => {
      const row = await this.#changeable(id, by);
      const person = await this.#colleague(name);
      const members = await this.#members(id);
      if (members.some((one) => sameName(one.person, person))) return;
      if (members.length >= maxMembers) throw conflict(`${maxMembers} people work on the case already`);
      const values = memberRow(id, person, by, timeOf(this.#parts));
      await this.#do(row, "case.member-add", `added ${person}`, by, { person }, (trx) =>
        trx.insertInto("case_members").values(values).execute(),
      );
    });
  }

  removeMember(id: string, name: string, by: CaseActor): Promise<void> {
    return this.#turns.take(async () => {
      const row = await this.#changeable(id, by);
      const members = await this.#members(id);
      const member = members.find(({ person }) => sameName(person, name));
      if (member === undefined) throw notFound(`${name} does not work on this case`);
      if (members.length === 1) throw conflict("somebody has to work on the case: add another person first");
      const { person } = member;
      await this.#do(row, "case.member-remove", `removed ${person}`, by, { person }, (trx) =>
        trx
          .deleteFrom("case_members")
          .where("case_id", "=", id)
          .where("person_key", "=", person.toLowerCase())
          .execute(),
      );
    });
  }

  addSession(id: string, { session, reason }: AddCaseSession, by: CaseActor): Promise<void> {
    return this.#turns.take(async () => {
      const row = await this.#changeable(id, by);
      if ((await this.#parts.recordings.find(session)) === null) throw notFound("there is no recording of that id");
      const there = await this.#sessions(id);
      if (there.includes(session)) throw conflict("the recording is part of this case already");
      if (there.length >= maxSessions) throw conflict(`the case has ${maxSessions} recordings already`);
      const at = timeOf(this.#parts);
      const values = { case_id: id, session, reason, added_by: by.name, added_at: at };
      await this.#do(
        row,
        "case.session-add",
        `added the recording ${session}: ${reason}`,
        by,
        { session, reason },
        (trx) => trx.insertInto("case_sessions").values(values).execute(),
      );
    });
  }

  /** Its holds stay: they are released by two people. */
  removeSession(id: string, session: string, reason: string, by: CaseActor): Promise<void> {
    return this.#turns.take(async () => {
      const row = await this.#changeable(id, by);
      if (!(await this.#sessions(id)).includes(session)) throw notFound("the recording is not part of this case");
      const text = `took the recording ${session} out: ${reason}`;
      await this.#do(row, "case.session-remove", text, by, { session, reason }, (trx) =>
        trx.deleteFrom("case_sessions").where("case_id", "=", id).where("session", "=", session).execute(),
      );
    });
  }

  /** Each recording that no hold of this case is on. Each hold is told of by itself as well. */
  hold(id: string, reason: string, by: CaseActor): Promise<CaseHoldsResult> {
    return this.#turns.take(async () => {
      const row = await this.#changeable(id, by);
      const result = await this.#onEach(id, async (session, holds) => {
        if (holds.some(({ state }) => state !== "released")) return false;
        await this.#parts.holds.place(session, { caseId: id, reason }, by);
        return true;
      });
      if (result.done > 0)
        await this.#do(row, "case.hold", `held ${recordings(result.done)}: ${reason}`, by, { reason, ...result }, none);
      return result;
    });
  }

  /** One person asks, another one confirms or refuses, as with each hold by itself. */
  release(id: string, { step, reason }: ReleaseCase, by: CaseActor): Promise<CaseHoldsResult> {
    return this.#turns.take(async () => {
      const row = await this.#changeable(id, by, { closed: true });
      if (step === "ask" && reason === undefined) throw invalid("say why the holds are to be released");
      const wanted = step === "ask" ? "active" : "release-asked";
      const result = await this.#onEach(id, async (session, holds) => {
        const due = holds.filter(({ state }) => state === wanted);
        const how = reason === undefined ? { step } : { step, reason };
        for (const hold of due) await this.#parts.holds.release(session, hold.id, how, by);
        return due.length > 0;
      });
      if (result.done === 0 && result.not.length === 0)
        throw conflict(step === "ask" ? "no recording is held for this case" : "nobody has asked for a release");
      const said = { ask: "asked for the release of", confirm: "released", refuse: "kept" }[step];
      const why = step === "ask" ? `: ${reason}` : "";
      const text = `${said} the holds on ${recordings(result.done)}${why}`;
      if (result.done > 0) await this.#do(row, `case.hold-${step}`, text, by, { ...result }, none);
      return result;
    });
  }

  /** What is done with the case elsewhere, such as a note: refused unless who does it may change the case. */
  changed<T>(id: string, by: CaseActor, action: string, act: () => Promise<{ result: T; text: string }>): Promise<T> {
    return this.#turns.take(async () => {
      const row = await this.#changeable(id, by);
      const { result, text } = await act();
      if (text !== "") await this.#write(row, action, text, by, none);
      return result;
    });
  }

  /** By whoever may: that the case left as a file. */
  exported(id: string, file: string, by: CaseActor, reason: string | undefined): Promise<void> {
    return this.#turns.take(async () => {
      const row = await this.#find(id);
      const why = reason === undefined ? {} : { reason };
      await this.#do(row, "case.export", `took it away as ${file}`, by, { file, ...why }, none);
    });
  }

  /** Those that a recording is part of. */
  async casesOf(session: string): Promise<string[]> {
    const rows = await this.#parts.db
      .selectFrom("case_sessions")
      .select("case_id")
      .where("session", "=", session)
      .orderBy("case_id")
      .execute();
    return rows.map(({ case_id: id }) => id);
  }

  async #onEach(
    id: string,
    act: (session: string, holds: readonly Hold[]) => Promise<boolean>,
  ): Promise<CaseHoldsResult> {
    const result: CaseHoldsResult = { done: 0, not: [] };
    for (const session of await this.#sessions(id)) {
      try {
        const holds = (await this.#holdsOf(session)).filter(({ caseId }) => caseId === id);
        if (await act(session, holds)) result.done++;
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        result.not.push({ session, why: error.message });
      }
    }
    return result;
  }

  async #holdsOf(session: string): Promise<Hold[]> {
    try {
      return (await this.#parts.holds.of(session)).holds;
    } catch (error) {
      if (error instanceof AppError && error.code === "REQUEST_NOT_FOUND") return [];
      throw error;
    }
  }

  async #do(
    row: Row,
    action: string,
    text: string,
    by: CaseActor,
    facts: Record<string, unknown>,
    change: Change,
    edits = false,
  ): Promise<void> {
    await this.#tell(action, row.id, by, facts);
    await this.#write(row, action, text, by, change, edits);
  }

  /** The version counts changes of what people write: of an edit alone, which another process may have been faster with. */
  async #write(row: Row, action: string, text: string, by: CaseActor, change: Change, edits = false): Promise<void> {
    const at = timeOf(this.#parts);
    await this.#parts.db.transaction().execute(async (trx) => {
      const result = await trx
        .updateTable("cases")
        .set({ version: Number(row.version) + (edits ? 1 : 0), changed_at: at })
        .where("id", "=", row.id)
        .where("version", "=", row.version)
        .executeTakeFirst();
      if (result.numUpdatedRows !== 1n) throw conflict("somebody has changed this case meanwhile: look at it again");
      await change(trx);
      await addEvent(trx, row.id, { at, actor: by.name, action, text });
    });
  }

  #tell(action: string, id: string, by: CaseActor, details: Record<string, unknown>): Promise<void> {
    return this.#parts.audit.append({ actor: by.name, action, subject: id, address: by.address, details });
  }

  async #changeable(id: string, by: CaseActor, { closed = false } = {}): Promise<Row> {
    const row = await this.#find(id);
    if (!mayChange(await this.#members(id), by))
      throw forbidden("only those who work on the case and administrators change it");
    if (row.state === "closed" && !closed) throw conflict("the case is closed: open it again to change it");
    return row;
  }

  async #find(id: string): Promise<Row> {
    const row = await this.#parts.db.selectFrom("cases").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) throw notFound("there is no such case");
    return row;
  }

  async #members(id: string): Promise<Case["members"]> {
    const query = this.#parts.db.selectFrom("case_members").selectAll().where("case_id", "=", id);
    const rows = await query.orderBy("added_at").orderBy("person_key").execute();
    return rows.map(({ person, added_by: addedBy, added_at: addedAt }) => ({ person, addedBy, addedAt }));
  }

  async #sessions(id: string): Promise<string[]> {
    const query = this.#parts.db.selectFrom("case_sessions").select("session").where("case_id", "=", id);
    return (await query.orderBy("added_at").orderBy("session").execute()).map(({ session }) => session);
  }

  /** The name as it is written. */
  async #colleague(name: string): Promise<string> {
    const person = await this.#parts.people.find(name);
    if (person === null || person.disabled) throw invalid(`there is nobody of the name ${name} who may sign in`);
    if (!readsContent(person.roles))
      throw invalid(`${person.name} may not see recordings, and so cannot work on a case`);
    return person.name;
  }
}

const none: Change = async () => {};

async function nextId(db: Kysely<CaseTables>, year: string): Promise<string> {
  const rows = await db.selectFrom("cases").select("id").where("id", "like", `CASE-${year}-%`).execute();
  const last = Math.max(0, ...rows.map(({ id }) => Number(id.slice("CASE-2026-".length))));
  return `CASE-${year}-${String(last + 1).padStart(4, "0")}`;
}

async function addEvent(
  trx: Kysely<CaseTables>,
  id: string,
  event: { at: string; actor: string; action: string; text: string },
): Promise<void> {
  const { count } = await trx
    .selectFrom("case_events")
    .select((e) => e.fn.countAll<number | bigint>().as("count"))
    .where("case_id", "=", id)
    .executeTakeFirstOrThrow();
  await trx
    .insertInto("case_events")
    .values({ case_id: id, n: Number(count), ...event })
    .execute();
}

function memberRow(id: string, person: string, by: CaseActor, at: string) {
  return { case_id: id, person, person_key: person.toLowerCase(), added_by: by.name, added_at: at };
}

/** Who lost the role since then only looks on, if that. */
function mayChange(members: Case["members"], by: Pick<CaseActor, "name" | "roles">): boolean {
  return isAdmin(by) || (readsContent(by.roles) && members.some(({ person }) => sameName(person, by.name)));
}

function toSummary({ id, title, state, created_by: createdBy, created_at: createdAt, changed_at: changedAt }: Row) {
  return { id, title, state: state as CaseState, createdBy, createdAt, changedAt };
}

function recordings(count: number): string {
  return count === 1 ? "1 recording" : `${count} recordings`;
}

function invalid(message: string): AppError {
  return new AppError("REQUEST_INVALID", message, { op: "cases" });
}
