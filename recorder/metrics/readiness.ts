// Whether the service would take a session now: each part that a session needs says why not, or nothing. Fed by the
// balancer's probes and by each scrape. Invariant: what does not answer in time is not ready.
export interface ReadinessPart {
  /** Short, for logs and probes; says nothing of the installation. */
  name: string;
  /** Null: ready. Otherwise why not; a rejection counts as not ready as well. */
  why(): Promise<string | null> | string | null;
}

export interface Readiness {
  ready: boolean;
  /** Names of parts that are not. */
  failing: string[];
}

const partTimeoutMs = 2000;
/** However many ask, the parts are asked once a second at most: anybody may probe. */
const freshMs = 1000;

export class ReadinessCheck {
  readonly #parts: readonly ReadinessPart[];
  #last: { atMs: number; answer: Promise<Readiness> } | null = null;

  constructor(parts: readonly ReadinessPart[]) {
    this.#parts = parts;
  }

  ask(): Promise<Readiness> {
    const nowMs = performance.now();
    if (this.#last !== null && nowMs - this.#last.atMs < freshMs) return this.#last.answer;
    const answer = this.#ask();
    this.#last = { atMs: nowMs, answer };
    return answer;
  }

  /** Something changed that the next probe must see. */
  forget(): void {
    this.#last = null;
  }

  async #ask(): Promise<Readiness> {
    const whys = await Promise.all(this.#parts.map((part) => inTime(part)));
    const failing = this.#parts.filter((_, i) => whys[i] !== null).map(({ name }) => name);
    return { ready: failing.length === 0, failing };
  }
}

async function inTime(part: ReadinessPart): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve("no answer in time"), partTimeoutMs);
  });
  const asked = (async () => part.why())().catch((error: unknown) =>
    error instanceof Error ? error.message : "it cannot be asked",
  );
  const why = await Promise.race([asked, late]);
  clearTimeout(timer);
  return why;
}
