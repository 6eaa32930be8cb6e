// Password hashes: argon2id with the parameters of OWASP's password storage guidance. At most two run at once, because
// they share the thread pool with the journal's syncs, and a sign-in must never slow a recording.
import { randomBytes, randomInt } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";
import { AppError } from "../../shared/errors.ts";

// argon2id is the package's default algorithm.
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const maxRunning = 2;
const maxWaiting = 64;

export const minPasswordLength = 12;
export const maxPasswordLength = 1024;

let running = 0;
const waiting: (() => void)[] = [];

async function withSlot<T>(work: () => Promise<T>): Promise<T> {
  if (running >= maxRunning) {
    if (waiting.length >= maxWaiting) {
      throw new AppError("AUTH_THROTTLED", "too many log-ins at this moment; try again in a few seconds", {
        op: "access.password",
        retryable: true,
        details: { retryAfterSeconds: 5 },
      });
    }
    await new Promise<void>((resume) => waiting.push(resume));
  } else {
    running++;
  }
  try {
    return await work();
  } finally {
    // The slot passes to the next in line without being given back in between, so nobody can overtake.
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}

export function hashPassword(password: string): Promise<string> {
  return withSlot(() => hash(password, parameters));
}

let dummy: Promise<string> | undefined;

/** Costs the same whether or not there is a hash: an unknown name cannot be told from a wrong password by time. */
export async function verifyPassword(stored: string | null, password: string): Promise<boolean> {
  dummy ??= hashPassword(randomBytes(16).toString("hex"));
  const against = stored ?? (await dummy);
  const matches = await withSlot(() => verify(against, password));
  return matches && stored !== null;
}

// Without characters that are mistaken for one another when a person copies them.
const alphabet = "abcdefghjkmnpqrstuvwxyz23456789";

/** 20 characters in groups of five, 99 bits. */
export function makeOneTimePassword(): string {
  const group = () => Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join("");
  return [group(), group(), group(), group()].join("-");
}
