// The search from one end to the other: a real shell over a real sshd through the service, and what is found of it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { SearchPage } from "../../../shared/api/search.ts";
import { waitFor } from "../../support/wait-for.ts";
import { scp, ssh, sshOptions } from "../ssh/clients.ts";
import { investigator, type Plant, startPlant } from "./plant.ts";

let plant: Plant;
let cookie: string;
let csrfToken: string;

beforeAll(async () => {
  plant = await startPlant({ config: { search: { cpuShare: 1 } } });
  const response = await fetch(`${plant.service.httpUrl}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(investigator),
  });
  cookie = response.headers
    .getSetCookie()
    .map((one) => one.split(";")[0])
    .join("; ");
  ({ csrfToken } = (await response.json()) as { csrfToken: string });
}, 120_000);
afterAll(() => plant?.stop());

async function search(query: Record<string, string>): Promise<SearchPage> {
  const url = `${plant.service.httpUrl}/api/v1/search?${new URLSearchParams(query)}`;
  const response = await fetch(url, { headers: { cookie } });
  const body: unknown = await response.json();
  expect([response.status, response.status === 200 ? null : body]).toEqual([200, null]);
  return SearchPage.parse(body);
}

/** Somebody at a terminal who waits for each answer before typing on. */
class Shell {
  readonly #process: ChildProcess;
  #shown = "";

  constructor(process: ChildProcess) {
    this.#process = process;
    process.stdout?.on("data", (bytes: Buffer) => {
      this.#shown += bytes.toString("utf8");
    });
  }

  async shows(what: RegExp): Promise<void> {
    await waitFor(() => what.test(this.#shown), { what: `the terminal to show ${what}`, timeoutMs: 60_000 });
    this.#shown = "";
  }

  async types(text: string): Promise<void> {
    for (const character of text) {
      this.#process.stdin?.write(character);
      await waitFor(() => this.#shown.includes(character), { what: `the echo of ${character}`, timeoutMs: 60_000 });
    }
  }

  press(keys: string): void {
    this.#process.stdin?.write(keys);
  }

  async run(command: string, answer = /> $/): Promise<void> {
    await this.types(command);
    this.press("\r");
    await this.shows(answer);
  }

  async exit(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.press("exit\r");
    await ended;
  }
}

it("finds what was run in a shell, recalled, of several lines, pasted, in an editor, by exec, and the file that was copied", async () => {
  const address = plant.gateway();
  const args = ["-tt", ...(await sshOptions(address)), `${address.login}@${address.host}`];
  const shell = new Shell(
    spawn("ssh", [...args, "TERM=xterm bash --norc --noprofile"], { stdio: ["pipe", "pipe", "ignore"] }),
  );
  await shell.shows(/[$#] $/);
  await shell.run("PS1=plc'-7> '", /plc-7> $/);
  await shell.run("echo set''point=42.5", /plc-7> $/);
  shell.press("\u001b[A");
  await shell.shows(/echo set''point=42\.5$/);
  shell.press("\r");
  await shell.shows(/plc-7> $/);
  await shell.run("for v in 1 2; do", /\r(?:\u001b\[\?2004h)?> $/);
  await shell.run("echo valve-$v", /\r(?:\u001b\[\?2004h)?> $/);
  await shell.run("done", /valve-2\r\n(?:\u001b\[\?2004h)?plc-7> $/);
  shell.press("\u001b[200~echo pasted-one\recho pasted-two\u001b[201~");
  await shell.shows(/pasted-two/);
  shell.press("\r");
  await shell.shows(/plc-7> $/);
  await shell.run("read -s -p 'Password: ' p", /Password: $/);
  shell.press("hunter2\r");
  await shell.shows(/plc-7> $/);
  await shell.exit();
  expect((await ssh(address, ["echo by-exec; exit 3"])).code).toBe(3);
  const recipe = join(plant.directory, "recipe-17.csv");
  await writeFile(recipe, "heat;80\n");
  expect((await scp(address, [recipe, `remote:${join(plant.target.home ?? "/tmp", "recipe-17.csv")}`])).code).toBe(0);

  await waitFor(async () => (await search({ q: "recipe-17" })).items.length > 0, {
    what: "the last recording to be in the index",
    timeoutMs: 60_000,
    intervalMs: 300,
  });
  await waitFor(async () => (await search({ q: "plc-7" })).items.length > 0, {
    what: "the shell to be in the index",
    timeoutMs: 60_000,
    intervalMs: 300,
  });
  const commands = (await search({ q: "", kinds: "command", limit: "200" })).items;
  const texts = commands.map(({ snippet }) => snippet.text).reverse();
  expect(texts).toEqual([
    "TERM=xterm bash --norc --noprofile",
    "PS1=plc'-7> '",
    "echo set''point=42.5",
    "echo set''point=42.5",
    "for v in 1 2; do\necho valve-$v\ndone",
    "echo pasted-one\necho pasted-two",
    "read -s -p 'Password: ' p",
    "exit",
    "echo by-exec; exit 3",
  ]);
  expect(commands.find(({ snippet }) => snippet.text.startsWith("echo by-exec"))?.exitStatus).toBe(3);

  // Each at its own second: the output of a command is after its Enter.
  const ran = commands.findLast(({ snippet }) => snippet.text.startsWith("echo set"))!;
  const [, shown] = (await search({ q: "setpoint", kinds: "output" })).items;
  const outputs = (await search({ q: "setpoint=42.5", kinds: "output", session: ran.session })).items;
  expect(shown ?? outputs[0]).toBeDefined();
  expect(outputs.at(-1)!.atUs).toBeGreaterThanOrEqual(ran.atUs);
  expect(ran.endUs).toBeGreaterThanOrEqual(outputs.at(-1)!.atUs);
  expect(Date.parse(ran.at)).toBeGreaterThanOrEqual(Date.parse(ran.startedAt));

  // Nothing of a password, under any word.
  expect((await search({ q: "hunter2" })).items).toEqual([]);
  expect((await search({ q: "redacted", kinds: "event" })).items).toHaveLength(1);
  const [file] = (await search({ q: "recipe-17", kinds: "file" })).items;
  expect(file).toMatchObject({ person: "vera", target: "plc-1", kind: "file" });

  // Whoever searches within one recording has looked at it.
  const custody = await fetch(`${plant.service.httpUrl}/api/v1/recordings/${ran.session}/custody`, {
    headers: { cookie },
  });
  expect(await custody.json()).toMatchObject({
    items: expect.arrayContaining([
      expect.objectContaining({ actor: investigator.name, action: "recording.view" }),
    ]) as unknown,
  });

  const groups = (await search({ q: "echo", group: "session" })).groups ?? [];
  expect(groups.map(({ count }) => count)).toEqual([1, expect.any(Number)]);
}, 180_000);

it("writes down who searched for what, and keeps searches", async () => {
  await search({ q: "pump", person: "vera" });
  const post = (name: string) =>
    fetch(`${plant.service.httpUrl}/api/v1/searches`, {
      method: "POST",
      headers: { cookie, "x-csrf-token": csrfToken, "content-type": "application/json" },
      body: JSON.stringify({ name, query: { q: "valve*", kinds: "command" }, shared: true }),
    });
  expect((await post("Valves")).status).toBe(200);
  expect((await post("Valves")).status).toBe(200);
  const kept = await fetch(`${plant.service.httpUrl}/api/v1/searches`, { headers: { cookie } });
  expect(await kept.json()).toMatchObject({
    items: [{ name: "Valves", by: investigator.name, query: { q: "valve*", kinds: "command" }, shared: true }],
  });
  const wrong = await fetch(`${plant.service.httpUrl}/api/v1/search?q=%22open`, { headers: { cookie } });
  expect([wrong.status, await wrong.json()]).toMatchObject([400, { code: "REQUEST_INVALID" }]);
  const ledger = await plant.service.conduit(["ledger", "list", "--json"]).catch(() => "");
  if (ledger !== "") expect(ledger).toContain("search");
  expect(statSync(join(plant.directory, "data", "search.db")).mode & 0o777).toBe(0o600);
});
