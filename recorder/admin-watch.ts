// Watches that begin at the recorder's own machine: `conduit sessions watch`, over the admin socket. They pass the portal's
// door and join the same bus. Invariant: only for a person who was proven to the service and may read what is recorded; it
// stands in the audit before the first byte, and goes on only while that person may.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { z } from "zod";
import { AppError } from "../shared/errors.ts";
import { sessionIdPattern } from "../shared/ids.ts";
import type { Person } from "./access/people.ts";
import type { ControlAudit } from "./admin-controls.ts";
import { contentReaders } from "./api/roles.ts";
import type { WatchDoor } from "./live/watch-socket.ts";

export interface LocalWatches {
  /** Takes the socket over, or rejects before a byte of its answer. */
  upgrade(asked: LocalWatch, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** Ends all watches; their sockets are let go soon after. */
  close(): void;
}

export interface LocalWatch {
  session: string;
  person: string;
  escort: boolean;
}

/** As it comes over the socket: by whom, is in the proof. */
export interface AskedWatch {
  session: string;
  proof: string;
  escort: boolean;
}

export interface LocalWatchParts {
  door: Pick<WatchDoor, "checkRoom" | "upgrade" | "close">;
  isLive(session: string): boolean;
  findPerson(name: string): Promise<Pick<Person, "name" | "roles" | "disabled"> | null>;
  audit: ControlAudit;
}

const op = "admin.watch";
const Asked = z.strictObject({
  session: z.string().regex(sessionIdPattern),
  proof: z.string().regex(/^[0-9a-f]{32}$/),
  escort: z.enum(["yes", "no"]),
});

export function watchPath({ session, proof, escort }: AskedWatch): string {
  const asked = new URLSearchParams({ session, proof, escort: escort ? "yes" : "no" });
  return `/watch?${asked.toString()}`;
}

/** Null: it asks for something else. */
export function watchOf(url: string): AskedWatch | null {
  const origin = "http://admin.invalid";
  if (!URL.canParse(url, origin)) return null;
  const { pathname, searchParams } = new URL(url, origin);
  if (pathname !== "/watch") return null;
  const asked = Asked.safeParse(Object.fromEntries(searchParams)).data;
  return asked === undefined ? null : { ...asked, escort: asked.escort === "yes" };
}

export function createLocalWatches({ door, isLive, findPerson, audit }: LocalWatchParts): LocalWatches {
  const whyNot = async (name: string, escorts: boolean) => {
    const now = await findPerson(name);
    if (now === null || now.disabled) return "signed-out";
    // As what they joined they count: who escorts nobody any more begins anew.
    if (escorts && (!now.roles.includes("escort") || now.roles.includes("vendor"))) return "not-allowed";
    return mayRead(now) ? null : "not-allowed";
  };
  return {
    upgrade: async ({ session, person: asked, escort }, request, socket, head) => {
      const person = await findPerson(asked);
      if (person === null || person.disabled || !mayRead(person)) {
        throw new AppError("AUTH_FORBIDDEN", `${asked} may not watch sessions: it takes ${rolesInWords}`, { op });
      }
      const { name, roles } = person;
      if (escort && !roles.includes("escort")) {
        throw new AppError("AUTH_FORBIDDEN", `${name} has not the role escort; watch without --escort`, { op });
      }
      if (!isLive(session)) {
        throw new AppError("REQUEST_NOT_FOUND", "this session is not live any more: its recording shows it", { op });
      }
      door.checkRoom(session, name);
      const details = { with: "watch", ...(escort ? { escort } : {}) };
      await audit({ actor: name, action: "session.watch", subject: session, address: "local", details });
      if (socket.destroyed) return;
      // Others may have come in while that was written.
      door.checkRoom(session, name);
      const wish = { session, person: { name, roles }, escorts: escort, whyNot: () => whyNot(name, escort) };
      door.upgrade(request, socket, head, wish);
    },
    close: () => door.close(),
  };
}

const rolesInWords = `one of the roles ${contentReaders.join(", ")}`;

function mayRead({ roles }: Pick<Person, "roles">): boolean {
  return roles.some((role) => contentReaders.includes(role));
}
