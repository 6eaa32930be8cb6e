// What holds for every answer: problem documents, security headers, methods, limits, the API's own description.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attachment } from "../../../recorder/api/disposition.ts";
import { Problem } from "../../../shared/api/types.ts";
import { errorCodes } from "../../../shared/errors.ts";
import { type ApiFixture, type Portal, password, startApi } from "./api-fixture.ts";

let api: ApiFixture;
let portal: Portal;
let ui: string;
beforeAll(async () => {
  ui = await mkdtemp(join(tmpdir(), "conduit-ui-"));
  await mkdir(join(ui, "assets"));
  await writeFile(join(ui, "index.html"), "<!doctype html><title>the UI</title>");
  await writeFile(join(ui, "assets", "index-abc123.js"), "export {};");
  await writeFile(join(ui, "icon.svg"), "<svg/>");
  await writeFile(join(ui, ".secret"), "not for you");
  await writeFile(join(ui, "..", "conduit-outside.txt"), "not for you");
  api = await startApi({ staticDirectory: ui });
  portal = await api.signIn("admin");
});
afterAll(async () => {
  await api.close();
  await rm(ui, { recursive: true, force: true });
  await rm(join(ui, "..", "conduit-outside.txt"), { force: true });
});

async function expectProblem(response: Response, status: number, code: string): Promise<void> {
  expect([response.status, response.headers.get("content-type")]).toEqual([
    status,
    "application/problem+json; charset=utf-8",
  ]);
  const problem = Problem.parse(await response.json());
  expect(problem).toMatchObject({ status, code, type: `urn:conduit:problem:${code}` });
  expect(Object.keys(errorCodes)).toContain(problem.code);
}

const json = { "content-type": "application/json" };
const signIn = (body: string, headers: Record<string, string> = json) =>
  fetch(`${api.origin}/api/v1/session`, { method: "POST", headers, body });

/** As no fetch would send it. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(api.origin).port), "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
    });
    socket.on("end", () => resolve(answer));
    socket.on("error", reject);
  });
}

function fetchWithHost(url: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

describe("errors are problem documents", () => {
  it("for addresses that do not exist", async () => {
    await expectProblem(await portal.get("/api/v1/nothing"), 404, "REQUEST_NOT_FOUND");
    await expectProblem(await portal.get("/api/nothing"), 404, "REQUEST_NOT_FOUND");
    await expectProblem(await portal.post("/nothing"), 404, "REQUEST_NOT_FOUND");
    await expectProblem(await portal.get(`/api/v1/recordings/${"x".repeat(5000)}`), 404, "REQUEST_NOT_FOUND");
  });

  it("for bodies that are not what they should be", async () => {
    await expectProblem(await signIn("{"), 400, "REQUEST_INVALID");
    await expectProblem(await signIn(""), 400, "REQUEST_INVALID");
    await expectProblem(await signIn("null"), 400, "REQUEST_INVALID");
    await expectProblem(await signIn('{"name":"a","password":"b","admin":true}'), 400, "REQUEST_INVALID");
    await expectProblem(await signIn('{"name":"a","password":"b","__proto__":{"x":1}}'), 400, "REQUEST_INVALID");
    await expectProblem(
      await signIn("name=a&password=b", { "content-type": "application/x-www-form-urlencoded" }),
      415,
      "REQUEST_INVALID",
    );
    await expectProblem(await signIn("name=a", { "content-type": "text/plain" }), 400, "REQUEST_INVALID");
    await expectProblem(
      await signIn(JSON.stringify({ name: "a", password: "b".repeat(20_000) })),
      413,
      "REQUEST_TOO_LARGE",
    );
  });

  it("for addresses that are not properly encoded", async () => {
    const response = await raw("GET /api/v1/recordings/%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    expect(response).toMatch(/^HTTP\/1\.1 400 /);
    expect(response).toContain("application/problem+json");
    expect(response).toContain("x-content-type-options: nosniff");
  });

  it("for what is not HTTP, and for headers without end", async () => {
    expect(await raw("HELLO\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 [\s\S]*application\/problem\+json/);
    expect(await raw(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(100_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 [\s\S]*REQUEST_TOO_LARGE/,
    );
  });

  it("for faults of the service, which keep its insides to themselves", async () => {
    const failing = await startApi({
      targets: () => {
        throw new Error("ENOENT /srv/conduit/targets.yaml password=hunter2");
      },
    });
    const response = await (await failing.signIn("admin")).get("/api/v1/targets");
    const body = await response.clone().text();
    await expectProblem(response, 500, "INTERNAL");
    expect(body).not.toMatch(/srv|hunter2|ENOENT| at /);
    await failing.close();
  });

  it("that never quote what was sent", async () => {
    const response = await signIn(JSON.stringify({ name: "a", password: ["hunter2"] }));
    expect(await response.text()).not.toContain("hunter2");
  });
});

describe("methods", () => {
  it("that an address does not have are named with those that it has", async () => {
    for (const [method, path, allow] of [
      ["DELETE", `/api/v1/recordings/${api.recording.index.session}`, "GET, HEAD, OPTIONS"],
      ["PUT", "/api/v1/session", "DELETE, GET, HEAD, OPTIONS, POST"],
      ["GET", "/api/v1/me/password", "OPTIONS, POST"],
      ["HEAD", `/api/v1/recordings/${api.recording.index.session}/export`, "GET, OPTIONS"],
    ] as const) {
      const response = await portal.request(method, path);
      expect([method, path, response.status, response.headers.get("allow")]).toEqual([method, path, 405, allow]);
    }
  });

  it("are answered by OPTIONS without opening anything to other sites", async () => {
    const response = await fetch(`${api.origin}/api/v1/recordings`, {
      method: "OPTIONS",
      headers: { origin: "https://elsewhere.example", "access-control-request-method": "GET" },
    });
    expect([response.status, response.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
    expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  it("HEAD answers like GET without the body", async () => {
    const [head, get] = [await portal.request("HEAD", "/api/v1/recordings"), await portal.get("/api/v1/recordings")];
    expect([head.status, await head.text(), head.headers.get("content-length")]).toEqual([
      200,
      "",
      get.headers.get("content-length"),
    ]);
  });
});

describe("security headers", () => {
  it("are on every answer, good or bad", async () => {
    for (const path of [
      "/",
      "/assets/index-abc123.js",
      "/api/v1/health",
      "/api/v1/session",
      "/api/v1/nothing",
      "/nothing.txt",
    ]) {
      const { headers } = await fetch(api.origin + path);
      expect([
        path,
        headers.get("x-content-type-options"),
        headers.get("referrer-policy"),
        headers.get("x-frame-options"),
      ]).toEqual([path, "nosniff", "no-referrer", "DENY"]);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/\*|http:|https:|'unsafe-eval'|'unsafe-inline'/);
      expect(headers.get("strict-transport-security")).toBeNull();
    }
  });

  it("let the UI run WebAssembly, and no text as code", async () => {
    const policy = (await fetch(`${api.origin}/`)).headers.get("content-security-policy");
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
    expect(policy).toContain("connect-src 'self';");
  });

  it("over TLS, promise TLS and bind the cookie to the host", async () => {
    const secure = await startApi({ transport: "https" });
    const response = await fetch(`${secure.origin}/api/v1/session`, {
      method: "POST",
      headers: json,
      body: JSON.stringify({ name: "admin", password }),
    });
    expect(response.headers.get("strict-transport-security")).toBe("max-age=63072000");
    expect(response.headers.getSetCookie()[0]).toMatch(
      /^__Host-conduit=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    await secure.close();
  });
});

describe("a loopback listener without TLS", () => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((known) => known?.family === "IPv4" && !known.internal)?.address;

  it("does not answer to another name: a name rebound to 127.0.0.1 gets nothing", async () => {
    const asked = (host: string) => fetchWithHost(`${api.origin}/api/v1/health`, host);
    for (const host of ["localhost", "localhost:8080", "127.0.0.1", "[::1]:1", "portal.localhost"])
      expect([host, await asked(host)]).toEqual([host, 200]);
    for (const host of ["attacker.example", "127.0.0.1.attacker.example", "192.0.2.1", "localhost@x"])
      expect([host, await asked(host)]).toEqual([host, 400]);
  });

  it.skipIf(outside === undefined)(
    "does not answer where it was reached from elsewhere, wherever it was told to listen",
    async () => {
      const open = await startApi({}, "0.0.0.0");
      const { port } = new URL(open.origin);
      const asked = await fetchWithHost(`http://${outside}:${port}/api/v1/health`, "localhost");
      expect(asked).toBe(400);
      expect(await fetchWithHost(`http://127.0.0.1:${port}/api/v1/health`, "localhost")).toBe(200);
      await open.close();
    },
  );
});

describe("the UI's files", () => {
  it("are served, hashed ones for good, and the page for every place in the UI", async () => {
    for (const path of ["/", "/recordings", "/recordings/some-id", "/live?x=1"]) {
      const response = await fetch(api.origin + path);
      expect([path, response.status, response.headers.get("cache-control"), await response.text()]).toEqual([
        path,
        200,
        "no-cache",
        "<!doctype html><title>the UI</title>",
      ]);
    }
    const asset = await fetch(`${api.origin}/assets/index-abc123.js`);
    expect([asset.headers.get("cache-control"), asset.headers.get("content-type")]).toEqual([
      "public, max-age=31536000, immutable",
      expect.stringMatching(/^(text|application)\/javascript; charset=utf-8$/),
    ]);
    expect((await fetch(`${api.origin}/icon.svg`)).headers.get("cache-control")).toBe("max-age=3600");
  });

  it("lead nowhere else", async () => {
    for (const path of [
      "/.secret",
      "/assets/missing.js",
      "/assets/",
      "/assets",
      "/missing.png",
      "/%2e%2e/conduit-outside.txt",
      "/..%2fconduit-outside.txt",
      "/assets/..%2f..%2fconduit-outside.txt",
    ]) {
      const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect([path, answer.includes("not for you")]).toEqual([path, false]);
      expect([path, /^HTTP\/1\.1 (400|403|404) /.test(answer) || answer.includes("the UI")]).toEqual([path, true]);
    }
    await expectProblem(await fetch(`${api.origin}/assets/missing.js`), 404, "REQUEST_NOT_FOUND");
  });
});

describe("the API's description", () => {
  it("has every route, who may call it, what it takes and gives", async () => {
    const spec = (await (await portal.get("/api/v1/openapi.json")).json()) as {
      openapi: string;
      paths: Record<
        string,
        Record<
          string,
          {
            description: string;
            responses: Record<string, { content?: object }>;
            parameters?: { name: string; in: string }[];
          }
        >
      >;
    };
    expect(spec.openapi).toBe("3.1.0");
    const described = Object.entries(spec.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const registered = api.routes.filter((route) => !route.startsWith("HEAD ") && !route.endsWith("*"));
    expect(described.sort()).toEqual(registered.map((route) => route.replace(/:(\w+)/g, "{$1}")).sort());
    for (const [path, methods] of Object.entries(spec.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        expect(operation.description, `${method} ${path}`).toMatch(/^(Anybody\.|Every role\.|Roles: )/);
        expect(Object.keys(operation.responses["default"]?.content ?? {}), `${method} ${path}`).toEqual([
          "application/problem+json",
        ]);
      }
    }
    const list = spec.paths["/api/v1/recordings"]?.["get"];
    expect(list?.parameters?.map((parameter) => parameter.name)).toEqual([
      "person",
      "target",
      "state",
      "protocol",
      "request",
      "from",
      "to",
      "limit",
      "cursor",
      "reason",
    ]);
    expect(JSON.stringify(list?.responses["200"])).toContain("durationUs");
  });
});

it("a download's name cannot break out of its header", () => {
  expect(attachment("a.zip")).toBe('attachment; filename="a.zip"');
  expect(attachment('a"; filename="x.exe')).toBe('attachment; filename="a_; filename=_x.exe"');
  expect(attachment("a\r\nSet-Cookie: x=1")).toBe('attachment; filename="a__Set-Cookie: x=1"');
  expect(attachment("../../etc/passwd\\x")).toBe('attachment; filename=".._.._etc_passwd_x"');
  expect(attachment("M\u00fcller (1)'s 100%.cast")).toBe(
    "attachment; filename=\"M_ller (1)'s 100_.cast\"; filename*=UTF-8''M%C3%BCller%20%281%29%27s%20100%25.cast",
  );
  expect(attachment("a\ud800b")).not.toContain("\ud800");
});

it("closes at once what has no request, and within its grace what a client still downloads", async () => {
  const endless = await startApi({
    exporter: {
      export: async () => ({
        fileName: "x.txt",
        contentType: "text/plain",
        body: Readable.from(forever(), { objectMode: false }),
      }),
    },
  });
  const admin = await endless.signIn("admin");
  const response = await admin.get(`/api/v1/recordings/${endless.recording.index.session}/export?format=txt`);
  const ended: string[] = [];
  const reading = response.text().catch(() => ended.push("download"));
  // As a browser opens one ahead.
  const ahead = connect(Number(new URL(endless.origin).port), "127.0.0.1");
  await once(ahead, "connect");
  ahead.on("error", () => {}).resume();
  const aheadEnded = once(ahead, "close").then(() => ended.push("ahead"));
  await Promise.all([endless.close(), reading, aheadEnded]);
  expect(ended).toEqual(["ahead", "download"]);
});

it("speaks TLS itself, and closes then too", async () => {
  const directory = await mkdtemp(join(tmpdir(), "conduit-tls-"));
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "1",
      "-subj",
      "/CN=localhost",
      "-keyout",
      key,
      "-out",
      cert,
    ],
    { stdio: "ignore" },
  );
  const tls = { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
  const secure = await startApi({ transport: "https", tls });
  expect(secure.origin).toMatch(/^https:/);
  const status = await new Promise((resolve, reject) => {
    httpsRequest(
      `${secure.origin}/api/v1/health`,
      { ca: tls.cert, servername: "localhost", checkServerIdentity: () => undefined },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    )
      .on("error", reject)
      .end();
  });
  expect(status).toBe(200);
  await secure.close();
  await rm(directory, { recursive: true });
});

async function* forever(): AsyncGenerator<Buffer> {
  for (;;) {
    yield Buffer.from("more\n");
    await new Promise((resume) => setTimeout(resume, 20));
  }
}
