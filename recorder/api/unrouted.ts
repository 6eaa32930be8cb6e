// Requests that no route answers: the address is unknown (404), or it exists and answers to other methods (405; OPTIONS
// says which).
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendProblem } from "./problems.ts";

interface KnownAddress {
  pattern: RegExp;
  methods: Set<string>;
}

export class KnownAddresses {
  readonly #addresses = new Map<string, KnownAddress>();

  /** Before the routes are added. */
  watch(app: FastifyInstance): void {
    app.addHook("onRoute", ({ url, method }) => {
      if (url.includes("*")) return;
      const pattern = new RegExp(`^${url.replace(/[.]/g, "\\.").replace(/:[A-Za-z]+/g, "[^/]+")}$`);
      const known = this.#addresses.get(url) ?? { pattern, methods: new Set(["OPTIONS"]) };
      for (const name of [method].flat()) known.methods.add(name);
      this.#addresses.set(url, known);
    });
  }

  answer(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const path = request.url.split("?")[0] ?? "";
    const known = [...this.#addresses.values()].find(({ pattern }) => pattern.test(path));
    // A method that the address has, and yet no route: a part of the address is longer than any could be.
    if (known === undefined || (known.methods.has(request.method) && request.method !== "OPTIONS")) {
      return sendProblem(request, reply, { statusCode: 404 });
    }
    void reply.header("allow", [...known.methods].sort().join(", "));
    return request.method === "OPTIONS" ? reply.code(204).send() : sendProblem(request, reply, { statusCode: 405 });
  }
}
