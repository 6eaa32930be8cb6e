// The built UI. Hashed assets never change and may be cached for good; every other page address answers with the page
// itself, so that a reload works anywhere in the UI.
import staticFiles from "@fastify/static";
import type { FastifyInstance } from "fastify";
import type { KnownAddresses } from "./unrouted.ts";

export async function addStaticUi(app: FastifyInstance, directory: string, addresses: KnownAddresses): Promise<void> {
  await app.register(staticFiles, {
    root: directory,
    serve: false,
    dotfiles: "deny",
    index: false,
    cacheControl: false,
  });
  app.route({
    method: ["GET", "HEAD"],
    url: "/*",
    config: { access: "public" },
    handler: async (request, reply) => {
      const path = (request.params as { "*": string })["*"];
      if (path === "api" || path.startsWith("api/")) return addresses.answer(request, reply);
      const asset = path.startsWith("assets/");
      // An address without a file's extension is a place in the UI.
      if (!asset && !/\.[a-z0-9]+$/i.test(path))
        return reply.header("cache-control", "no-cache").sendFile("index.html");
      // Browsers ask for the icon again at every change of the address.
      const kept = asset ? "public, max-age=31536000, immutable" : path === "icon.svg" ? "max-age=3600" : "no-cache";
      void reply.header("cache-control", kept);
      return reply.sendFile(path);
    },
  });
}
