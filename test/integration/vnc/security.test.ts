import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { generateSelfSigned, type SelfSigned } from "../../../recorder/cli/self-signed.ts";
import { checkVncTarget } from "../../../recorder/tap/vnc/dial-target.ts";
import { veNCrypt } from "../../../recorder/tap/vnc/security-types.ts";
import { fingerprintOf } from "../../../recorder/tap/vnc/tls-legs.ts";
import { vncAuthResponse } from "../../../recorder/tap/vnc/vnc-auth.ts";
import { AppError } from "../../../shared/errors.ts";
import { runProcess } from "../../support/process.ts";
import { startQemu } from "../../support/qemu.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startX11vnc } from "../../support/x11vnc.ts";
import { startXtigervnc, type VncTarget } from "../../support/xtigervnc.ts";
import { personName, personPassword, startVncGateway, type VncTestGateway, vncAccess } from "./gateway.ts";
import { type ScriptedTarget, serverInit, startScriptedTarget } from "./scripted-target.ts";
import { connectViewer, Refused } from "./scripted-viewer.ts";

const wrongLogin =
  "The name or the password is wrong, or the account is disabled. Who has an authenticator types its code after the password: PASSWORD,123456.";

describe("viewers", () => {
  let target: ScriptedTarget;
  let gateway: VncTestGateway;
  const user = `${personName}+hmi-1`;
  const ticket = () => gateway.tickets.issue({ person: personName, target: "hmi-1" }, "viewer").ticket;

  beforeAll(async () => {
    target = await startScriptedTarget();
  });
  afterAll(() => target.stop());
  beforeEach(async () => {
    gateway = await startVncGateway(vncAccess(target));
  });
  afterEach(() => gateway.stop());

  const refusal = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => "let in",
      (error: unknown) => (error instanceof Refused ? error.message : String(error)),
    );

  it.each([
    ["X509Plain", veNCrypt.x509Plain],
    ["TLSPlain", veNCrypt.tlsPlain],
  ])("log in by %s with name and password", async (_name, subtype) => {
    const viewer = await connectViewer(gateway, { veNCrypt: { subtype, user, password: personPassword } });
    expect(viewer.init).toMatchObject({ width: 64, height: 48, name: "scripted [recorded]" });
    expect(gateway.attempts).toMatchObject([{ name: personName, password: personPassword }]);
    viewer.close();
  });

  it.each([
    ["X509Vnc", veNCrypt.x509Vnc],
    ["TLSVnc", veNCrypt.tlsVnc],
  ])("log in by %s with a ticket", async (_name, subtype) => {
    const viewer = await connectViewer(gateway, { veNCrypt: { subtype, password: ticket() } });
    expect(gateway.last().notices("auth")[0]).toMatchObject({ method: "ticket" });
    viewer.close();
  });

  it.each(["3.3", "3.7", "3.8"] as const)(
    "of RFB %s log in by VncAuth with a ticket, each ticket once",
    async (version) => {
      const spent = ticket();
      const viewer = await connectViewer(gateway, { version, ticket: spent });
      viewer.close();
      const again = await refusal(connectViewer(gateway, { version, ticket: spent }));
      expect(again).toBe(
        version === "3.8" ? "The ticket is wrong, was used, or is too old: ask the portal for another." : "refused",
      );
      expect(gateway.refusedTickets).toBe(1);
      expect(gateway.sessions).toHaveLength(1);
    },
  );

  it("are told of a wrong password as of an unknown name", async () => {
    const attempt = (name: string, password: string) =>
      refusal(connectViewer(gateway, { veNCrypt: { subtype: veNCrypt.x509Plain, user: name, password } }));
    const sentence = wrongLogin;
    expect(await attempt(user, "wrong")).toBe(sentence);
    expect(await attempt("nobody+hmi-1", personPassword)).toBe(sentence);
    expect(gateway.sessions).toHaveLength(0);
  });

  it("are told why their session does not open", async () => {
    const login = (name: string) =>
      refusal(
        connectViewer(gateway, { veNCrypt: { subtype: veNCrypt.x509Plain, user: name, password: personPassword } }),
      );
    expect(await login(personName)).toMatch(/^Say which target you want: sign in as ada\+TARGET/);
    expect(await login(`${personName}+other`)).toBe("There is no target other for you.");
    gateway.refuseWith = new AppError("POLICY_REFUSED", "Not now.", { op: "test" });
    expect(await login(user)).toBe("Not now.");
    gateway.refuseWith = undefined;
    gateway.targets.set("hmi-1", vncAccess({ host: "127.0.0.1", port: 1 }));
    expect(await login(user)).toBe("Target hmi-1 at 127.0.0.1:1 cannot be reached (ECONNREFUSED).");
    expect(gateway.last().endedWith).toBe("protocol-target-unreachable");
  });

  it("that leave when they are let in have closed their session themselves", async () => {
    const socket = connect(gateway.port, gateway.host);
    const { challenge } = await logInBare(socket);
    socket.write(vncAuthResponse(ticket(), challenge));
    await waitFor(() => gateway.sessions[0]?.notices("vnc-init").length === 1, { what: "the target" });
    socket.end();
    await waitFor(() => gateway.last().endedWith, { what: "the end" });
    expect(gateway.last().endedWith).toBe("client-closed");
    expect(gateway.last().notices("health")).toEqual([]);
  });

  it("log in without encryption only where that is allowed", async () => {
    const plain = { veNCrypt: { subtype: veNCrypt.plain, user, password: personPassword } };
    expect(await refusal(connectViewer(gateway, plain))).toBe("offered 262, 261, 259, 258");
    await gateway.stop();
    gateway = await startVncGateway(vncAccess(target), { tap: { security: ["plain"] } });
    (await connectViewer(gateway, plain)).close();
    expect(await refusal(connectViewer(gateway, { version: "3.3", ticket: "" }))).toMatch(
      /^This gateway takes encrypted/,
    );
    expect(await refusal(connectViewer(gateway, { ticket: "" }))).toBe("offered 19");
  });

  it("that dally, or talk nonsense, lose their connection and nothing else", async () => {
    await gateway.stop();
    gateway = await startVncGateway(vncAccess(target), { tap: { limits: { loginGraceMs: 300 } } });
    const good = await connectViewer(gateway, { ticket: ticket() });
    const hostile = [
      [],
      [Buffer.from("GET / HTTP/1.1\r\n\r\n")],
      [Buffer.from("RFB 003.008\n"), Buffer.from([77])],
      [Buffer.from("RFB 003.008\n"), Buffer.from([19, 0, 2]), Buffer.from([0, 0, 1, 0])],
      [Buffer.from("RFB 003.008\n"), Buffer.from([19, 9, 9])],
      [Buffer.from("RFB 003.008\n"), Buffer.from([19, 0, 2]), Buffer.from([0, 0, 1, 3]), Buffer.alloc(2000, 0x16)],
    ];
    await Promise.all(
      hostile.map(async (messages) => {
        const socket = connect(gateway.port, gateway.host);
        let closed = false;
        socket.on("close", () => {
          closed = true;
        });
        socket.on("error", () => undefined);
        socket.resume();
        for (const message of messages) {
          socket.write(message);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        await waitFor(() => closed, { what: "the connection to end", timeoutMs: 5000 });
      }),
    );
    expect(good.closed).toBe(false);
    good.close();
    expect(gateway.errors).toEqual([]);
  });

  it("may not say endless names", async () => {
    const viewer = connectViewer(gateway, {
      veNCrypt: { subtype: veNCrypt.x509Plain, user: "a".repeat(100_000), password: "b" },
    });
    expect(await refusal(viewer)).toBe(wrongLogin);
    expect(gateway.attempts).toEqual([]);
  });
});

describe("targets", () => {
  let dir: TempDir;
  let identity: SelfSigned;
  let other: SelfSigned;
  let certificate: { cert: string; key: string };
  let target: VncTarget | undefined;

  beforeAll(async () => {
    dir = await createTempDir("vnc-tls");
    identity = generateSelfSigned("hmi", ["127.0.0.1"]);
    other = generateSelfSigned("other", ["127.0.0.1"]);
    certificate = { cert: `${dir.path}/cert.pem`, key: `${dir.path}/key.pem` };
    await writeFile(certificate.cert, identity.certificate);
    await writeFile(certificate.key, identity.key);
  });
  afterAll(() => dir.remove());
  afterEach(async () => {
    await target?.stop();
    target = undefined;
  });

  const check = (access: ReturnType<typeof vncAccess>) => checkVncTarget(access, { timeoutMs: 5000 });
  const fault = (access: ReturnType<typeof vncAccess>) =>
    check(access).then(
      () => "reached",
      (error: unknown) => (error instanceof AppError ? `${error.code} ${error.message}` : String(error)),
    );

  it.each([
    ["None", "none", ""],
    ["VncAuth", "vnc-auth", undefined],
    ["TLSNone", "tls-none", ""],
    ["TLSVnc", "tls-vnc", undefined],
    ["TLSVnc,VncAuth", "tls-vnc", undefined],
    ["X509Vnc,VncAuth", "vnc-auth", undefined],
    ["X509None,None", "none", ""],
  ])("of TigerVNC with %s are reached by %s", async (offered, used, password) => {
    target = await startXtigervnc({ security: offered, certificate });
    const { facts, init } = await check(vncAccess({ ...target, ...(password === undefined ? {} : { password }) }));
    expect(facts.security).toBe(used);
    expect(facts.tls !== "").toBe(used.startsWith("tls"));
    expect(init).toMatchObject({ width: 640, height: 480, format: { bitsPerPixel: 32, depth: 24 } });
  });

  it("with a certificate are reached when it is pinned, in either form, or signed by the CA", async () => {
    target = await startXtigervnc({ security: "X509Vnc,TLSVnc,VncAuth", certificate });
    const pins = [identity.fingerprint, fingerprintOf(pemBytes(identity.certificate))];
    for (const tls of [...pins.map((pin) => ({ fingerprints: [pin] })), { ca: identity.certificate }]) {
      expect((await check(vncAccess(target, { tls }))).facts).toMatchObject({
        security: "x509-vnc",
        fingerprint: fingerprintOf(pemBytes(identity.certificate)),
      });
    }
  });

  it("with another certificate get no credential, whatever else they offer", async () => {
    target = await startXtigervnc({ security: "X509Vnc,TLSVnc,VncAuth", certificate });
    expect(await fault(vncAccess(target, { tls: { fingerprints: [other.fingerprint] } }))).toMatch(
      /^PROTOCOL_TARGET_HOST_KEY The certificate of target hmi-1 is not known: it shows SHA256:\S+, pinned is /,
    );
    expect(await fault(vncAccess(target, { tls: { ca: other.certificate } }))).toMatch(/its CA says/);
    await target.stop();
    target = await startXtigervnc({ security: "VncAuth" });
    expect(await fault(vncAccess(target, { tls: { fingerprints: [identity.fingerprint] } }))).toBe(
      "PROTOCOL_TARGET_AUTH Target hmi-1 offers VncAuth (not allowed for this target: vnc-auth), none of which the gateway can use. Change the target's VNC server, or the target's vnc.security, vnc.tls, account or secret.",
    );
  });

  it("with a name in the certificate that is another are not reached by their CA alone", async () => {
    const elsewhere = generateSelfSigned("elsewhere", ["hmi.example"]);
    await writeFile(`${dir.path}/elsewhere.pem`, elsewhere.certificate);
    await writeFile(`${dir.path}/elsewhere.key`, elsewhere.key);
    const files = { cert: `${dir.path}/elsewhere.pem`, key: `${dir.path}/elsewhere.key` };
    target = await startXtigervnc({ security: "X509Vnc", certificate: files });
    const ca = elsewhere.certificate;
    expect(await fault(vncAccess(target, { tls: { ca } }))).toMatch(/^PROTOCOL_TARGET_HOST_KEY/);
    expect((await check(vncAccess(target, { tls: { ca, serverName: "hmi.example" } }))).facts.security).toBe(
      "x509-vnc",
    );
  });

  it("of x11vnc are reached with a password, and with TLS and a pinned certificate", async () => {
    target = await startX11vnc({ password: "geheim" });
    expect((await check(vncAccess(target))).facts.security).toBe("vnc-auth");
    expect(await fault(vncAccess({ ...target, password: "wrong" }))).toMatch(
      /^PROTOCOL_TARGET_AUTH Target hmi-1 refused the stored credential: /,
    );
    await target.stop();
    const [key, cert] = [`${dir.path}/rsa.key`, `${dir.path}/rsa.crt`];
    await runProcess("openssl", [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=hmi", "-keyout", key, "-out", cert],
    ]);
    const certificateText = await readFile(cert, "utf8");
    await writeFile(`${dir.path}/both.pem`, (await readFile(key, "utf8")) + certificateText);
    target = await startX11vnc({ args: ["-ssl", `${dir.path}/both.pem`, "-vencrypt", "only"] });
    const tls = { fingerprints: [new X509Certificate(certificateText).fingerprint256] };
    expect((await check(vncAccess(target, { tls }))).facts.security).toBe("x509-none");
  });

  it.each([
    ["None", "none", {}],
    ["VncAuth", "vnc-auth", { password: "geheim" }],
    ["X509None", "x509-none", { tls: true }],
    ["X509Vnc", "x509-vnc", { password: "geheim", tls: true }],
  ])("of QEMU with %s are reached", async (_name, used, { password, tls }: { password?: string; tls?: boolean }) => {
    const pem = { cert: identity.certificate, key: identity.key };
    target = await startQemu({
      ...(password === undefined ? {} : { password }),
      ...(tls === true ? { certificate: pem } : {}),
    });
    const settings = tls === true ? { tls: { fingerprints: [identity.fingerprint] } } : {};
    expect((await check(vncAccess(target, settings))).facts.security).toBe(used);
  });

  it("say why in words when the stored password is wrong", async () => {
    target = await startXtigervnc();
    expect(await fault(vncAccess({ ...target, password: "wrong" }))).toBe(
      "PROTOCOL_TARGET_AUTH Target hmi-1 refused the stored credential: Authentication failure.",
    );
    expect(await fault(vncAccess({ ...target, password: "" }))).toMatch(/offers VncAuth \(the target has no secret\)/);
  });
});

describe("targets of other makes", () => {
  let target: ScriptedTarget | undefined;
  afterEach(async () => {
    await target?.stop();
    target = undefined;
  });

  const dial = async (
    steps: readonly (readonly [send: Buffer, wait: number])[],
    access: Partial<ReturnType<typeof vncAccess>> = {},
    timeoutMs = 3000,
  ): Promise<string> => {
    target = await startScriptedTarget({
      serve: (socket) => {
        let step = 0;
        let waiting = 0;
        const advance = (): void => {
          for (; waiting <= 0 && step < steps.length; step++) {
            const [send, wait] = steps[step] ?? [Buffer.alloc(0), 0];
            socket.write(send);
            waiting += wait;
          }
        };
        socket.on("data", (chunk: Buffer) => {
          waiting -= chunk.length;
          advance();
        });
        advance();
      },
    });
    return checkVncTarget(vncAccess(target, {}, access), { timeoutMs }).then(
      ({ facts, init }) => `${facts.security} ${init.name}`,
      (error: unknown) => (error instanceof AppError ? error.message : String(error)),
    );
  };
  const version = (text = "RFB 003.008\n") => [Buffer.from(text), 12] as const;
  const password = { credential: { kind: "password", password: "x" } } as const;
  const bytes = (...list: number[]) => Buffer.from(list);

  it.each([
    ["RFB 3.3, None", [version("RFB 003.003\n"), [bytes(0, 0, 0, 1), 1], [serverInit({ width: 8, height: 8 }), 0]]],
    ["RFB 3.7, None", [version("RFB 003.007\n"), [bytes(1, 1), 2], [serverInit({ width: 8, height: 8 }), 0]]],
    [
      "Apple's 3.889, None",
      [version("RFB 003.889\n"), [bytes(1, 1), 1], [bytes(0, 0, 0, 0), 1], [serverInit({ width: 8, height: 8 }), 0]],
    ],
  ] as const)("are reached: %s", async (_name, steps) => {
    expect(await dial(steps)).toBe("none scripted");
  });

  it("are reached by Tight with a password, and its lists after ServerInit are taken away", async () => {
    const capability = (code: number) => Buffer.concat([bytes(0, 0, 0, code), Buffer.alloc(12)]);
    const lists = Buffer.concat([bytes(0, 1, 0, 0, 0, 2, 0, 0), Buffer.alloc(48)]);
    const steps = [
      version(),
      [bytes(1, 16), 1],
      [Buffer.concat([bytes(0, 0, 0, 1), capability(0)]), 4],
      [Buffer.concat([bytes(0, 0, 0, 2), capability(1), capability(2)]), 4],
      [Buffer.alloc(16, 3), 16],
      [bytes(0, 0, 0, 0), 1],
      [Buffer.concat([serverInit({ width: 8, height: 8 }), lists]), 0],
    ] as const;
    expect(await dial(steps, password)).toBe("tight scripted");
  });

  it("reached by X509Plain would need TLS; without it a password is never sent", async () => {
    const steps = [version(), [bytes(1, 19), 1], [bytes(0, 2), 2], [bytes(0, 2, 0, 0, 1, 0, 0, 0, 1, 6), 4]] as const;
    expect(await dial(steps, { ...password, account: "operator" })).toMatch(
      /^Target hmi-1 offers VeNCrypt Plain without TLS \(not supported\), VeNCrypt X509Plain \(not allowed for this target: x509-plain\), none/,
    );
  });

  it.each([
    [
      "RA2 and Apple's",
      [version(), [bytes(3, 5, 30, 99), 0]],
      /offers RA2 \(not supported\), Apple Remote Desktop \(not supported\), type 99 \(not/,
    ],
    [
      "with a reason",
      [version(), [Buffer.concat([bytes(0, 0, 0, 0, 4), Buffer.from("full")]), 0]],
      /takes no connection: full\.$/,
    ],
    ["another protocol", [[Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"), 0]], /does not speak RFB/],
    [
      "an endless reason",
      [version(), [bytes(0, 0xff, 0xff, 0xff, 0xff), 0]],
      /target's reason would have 4294967295 bytes; 16384 is the most/,
    ],
    [
      "an endless name",
      [
        version(),
        [bytes(1, 1), 1],
        [bytes(0, 0, 0, 0), 1],
        [Buffer.concat([serverInit({ width: 8, height: 8 }).subarray(0, 20), bytes(0x7f, 0xff, 0xff, 0xff)]), 0],
      ],
      /target's name would have 2147483647 bytes/,
    ],
    [
      "an impossible pixel format",
      [
        version(),
        [bytes(1, 1), 1],
        [bytes(0, 0, 0, 0), 1],
        [Buffer.concat([bytes(0, 8, 0, 8, 7), Buffer.alloc(15), bytes(0, 0, 0, 0)]), 0],
      ],
      /7 bits per pixel/,
    ],
    ["a thousand capabilities", [version(), [bytes(1, 16), 1], [bytes(0, 0, 4, 0), 0]], /lists 1024 capabilities/],
  ] as const)("that say %s are told in a sentence", async (_name, steps, sentence) => {
    expect(await dial(steps as never, password)).toMatch(sentence);
  });

  it("that say nothing are given up in time", async () => {
    expect(await dial([], {}, 200)).toMatch(/does not answer within 0 s\.$/);
  });
});

/** Up to the challenge of VncAuth. */
async function logInBare(socket: Socket): Promise<{ challenge: Buffer }> {
  let held = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
  });
  const after = async (count: number): Promise<void> => {
    await waitFor(() => held.length >= count, { what: `${count} bytes` });
  };
  await after(12);
  socket.write("RFB 003.008\n");
  await after(15);
  socket.write(Buffer.from([2]));
  await after(31);
  return { challenge: held.subarray(15, 31) };
}

function pemBytes(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
}
