// The people who may sign in. Invariants: each change is in the audit log before it takes effect, and where policy wants a
// second factor it wants a fresh code; nobody changes the roles or the state of their own account.
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import {
  AddedPerson,
  AddKey,
  ChangeRoles,
  DisablePerson,
  NewPerson,
  PersonList,
  PersonView,
  RemoveKey,
} from "../../shared/api/people.ts";
import { AppError } from "../../shared/errors.ts";
import { notEnrolled } from "../access/mfa/status.ts";
import { type Person, PersonName } from "../access/people.ts";
import { parsePublicKeyLine } from "../access/public-keys.ts";
import type { ApiDeps } from "./deps.ts";
import { peopleKeepers, peopleReaders } from "./roles.ts";
import { addRoute, type SignedIn } from "./route.ts";
import { requireConfirmed } from "./security.ts";

const ByName = z.strictObject({ name: z.string().min(1).max(63) });
const tag = "people";
const bodyLimit = 32 * 1024;
/** So long a fresh code counts for changes of people. */
const freshSeconds = 15 * 60;

export function addPeopleRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { people } = deps;

  const audit = (me: SignedIn, request: FastifyRequest, action: string, subject: string, details: object = {}) =>
    deps.audit.append({ actor: me.name, action, subject, address: request.ip, details: { ...details } });

  const view = async (name: string): Promise<PersonView> => {
    const person = await people.get(name);
    return { ...person, mfa: await deps.mfa.status(person.name) };
  };

  const mayChange = (me: SignedIn) => {
    if (deps.mfaRequired()) requireConfirmed(me, freshSeconds);
  };

  /** Of an account that is not one's own: nobody locks themselves out, and nobody gives themselves a role. */
  const other = async (me: SignedIn, name: string): Promise<Person> => {
    mayChange(me);
    const person = await people.get(name);
    if (person.name.toLowerCase() !== me.name.toLowerCase()) return person;
    throw new AppError("REQUEST_CONFLICT", "this is your own account; another administrator can change it", {
      op: "api.people",
    });
  };

  addRoute(app, {
    method: "GET",
    url: "/people",
    access: peopleReaders,
    head: true,
    summary: "The people who may sign in, with roles, keys and second factor.",
    tag,
    response: PersonList,
    handler: async () => {
      const [all, statuses] = await Promise.all([people.list(), deps.mfa.statuses()]);
      return { items: all.map((one) => ({ ...one, mfa: statuses.get(one.name.toLowerCase()) ?? notEnrolled })) };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/people",
    access: peopleKeepers,
    summary: "Add a person, with a one-time password that is in the answer alone, or with a key.",
    tag,
    body: NewPerson,
    response: AddedPerson,
    bodyLimit,
    handler: async ({ me, body, request }) => {
      mayChange(me);
      const { name, roles, publicKey } = body;
      // What cannot be done is refused before the audit says that it was.
      if (publicKey !== undefined) parsePublicKeyLine(publicKey);
      const taken = !PersonName.safeParse(name).success || (await people.find(name)) !== null;
      const withPassword = body.password ?? publicKey === undefined;
      if (!taken) await audit(me, request, "person.add", name, { roles, key: publicKey !== undefined });
      const made = withPassword
        ? await people.createWithOneTimePassword({ name, roles })
        : { person: await people.create({ name, roles }), password: null };
      if (publicKey !== undefined) await people.addKey(name, publicKey);
      return { person: await view(name), oneTimePassword: made.password };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/people/:name/roles",
    access: peopleKeepers,
    summary: "Replace a person's roles; they hold at once. Not one's own.",
    tag,
    params: ByName,
    body: ChangeRoles,
    response: PersonView,
    bodyLimit,
    handler: async ({ me, params, body, request }) => {
      const person = await other(me, params.name);
      await audit(me, request, "person.roles", person.name, { from: person.roles, to: body.roles });
      await people.setRoles(person.name, body.roles);
      return view(person.name);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/people/:name/disable",
    access: peopleKeepers,
    summary: "No log-in any more, and the person's live sessions end. Not one's own account.",
    tag,
    params: ByName,
    body: DisablePerson,
    response: PersonView,
    bodyLimit,
    handler: async ({ me, params, body, request }) => {
      const person = await other(me, params.name);
      await audit(me, request, "person.disable", person.name, body.reason === "" ? {} : { reason: body.reason });
      await people.setDisabled(person.name, true);
      const key = person.name.toLowerCase();
      const live = deps.sessions.list().filter((session) => session.person.toLowerCase() === key);
      const reason = body.reason === "" ? "the account was disabled" : body.reason;
      await Promise.all(live.map(({ session }) => deps.sessions.terminate(session, me.name, reason)));
      return view(person.name);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/people/:name/enable",
    access: peopleKeepers,
    summary: "A disabled person may log in again. Not one's own account.",
    tag,
    params: ByName,
    response: PersonView,
    bodyLimit,
    handler: async ({ me, params, request }) => {
      const person = await other(me, params.name);
      await audit(me, request, "person.enable", person.name);
      await people.setDisabled(person.name, false);
      return view(person.name);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/people/:name/one-time-password",
    access: peopleKeepers,
    summary: "A new one-time password, in the answer alone; it ends every portal sign-in of the person.",
    tag,
    params: ByName,
    response: AddedPerson,
    bodyLimit,
    handler: async ({ me, params, request }) => {
      const person = await other(me, params.name);
      await audit(me, request, "password.reset", person.name, { oneTime: true });
      const oneTimePassword = await people.setOneTimePassword(person.name);
      return { person: await view(person.name), oneTimePassword };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/people/:name/keys",
    access: peopleKeepers,
    summary: "Register an SSH public key for a person.",
    tag,
    params: ByName,
    body: AddKey,
    response: PersonView,
    bodyLimit,
    handler: async ({ me, params, body, request }) => {
      mayChange(me);
      const { fingerprint } = parsePublicKeyLine(body.publicKey);
      const person = await people.get(params.name);
      await audit(me, request, "person.key-add", person.name, { fingerprint });
      await people.addKey(person.name, body.publicKey);
      return view(person.name);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/people/:name/keys/remove",
    access: peopleKeepers,
    summary: "Remove one of a person's SSH public keys.",
    tag,
    params: ByName,
    body: RemoveKey,
    response: PersonView,
    bodyLimit,
    handler: async ({ me, params, body, request }) => {
      mayChange(me);
      const person = await people.get(params.name);
      const { fingerprint } = body;
      if (person.keys.some((key) => key.fingerprint === fingerprint)) {
        await audit(me, request, "person.key-remove", person.name, { fingerprint });
      }
      await people.removeKey(person.name, fingerprint);
      return view(person.name);
    },
  });
}
