// `conduit keys`: the recorder's signing keys and the root key that vouches for them. A running service takes the history up
// within a minute, and signs with a new key from its next start on.
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { AppError } from "../../shared/errors.ts";
import { InstallationKeys } from "../keys/installation-keys.ts";
import type { KeyChange } from "../keys/key-life.ts";
import { generateRootKey } from "../keys/root-key.ts";
import { type Cli, configOf, inWorkspace, type Register, type Workspace } from "./cli.ts";
import { formatTime } from "./output.ts";

interface RootOption {
  root?: string;
}

export const registerKeys: Register = (program, cli) => {
  const keys = program
    .command("keys")
    .description("signing keys of the recorder, and the root key that vouches for them");
  registerList(keys, cli);
  registerRotate(keys, cli);
  registerEnd(keys, cli);
  registerSign(keys, cli);
  registerExportRoot(keys, cli);
  registerGenerateRoot(keys, cli);
};

const rootOption = () => new Option("--root <file>", "the root's private key, where it is kept elsewhere");

function keysOf({ config }: Workspace): InstallationKeys {
  return new InstallationKeys({ keyDirectory: config.recorder.keyDirectory, recorderId: config.recorder.id });
}

function rootPath(cli: Cli, { root }: RootOption): string | null {
  return root === undefined ? null : resolve(cli.directory, root);
}

function registerList(keys: Command, cli: Cli): void {
  keys
    .command("list")
    .description("every key that ever signed here, and what became of it")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      const { keyDirectory, id } = configOf(cli, command).recorder;
      const state = await new InstallationKeys({ keyDirectory, recorderId: id }).read();
      const newest = state?.versions.at(-1)?.history;
      if (state === null || newest === undefined) throw noHistory(keyDirectory);
      if (options.json === true) {
        cli.out.json({ root: { ...state.root, isHere: state.rootIsHere }, versions: newest.number, keys: newest.keys });
        return;
      }
      const where = state.rootIsHere ? "its private half is on this machine" : "its private half is kept elsewhere";
      cli.out.line(`root ${state.root.keyId} (${where}); version ${newest.number} of the history`);
      const rows = newest.keys.map((key) => [
        key.keyId,
        key.state,
        formatTime(key.from),
        key.to ? formatTime(key.to) : "",
      ]);
      cli.out.table(["KEY", "STATE", "FROM", "TO"], rows);
    });
}

function registerRotate(keys: Command, cli: Cli): void {
  keys
    .command("rotate")
    .description("make a new signing key; the service signs with it from its next start on")
    .addOption(rootOption())
    .action((options: RootOption, command: Command) =>
      inWorkspace(cli, command, async (workspace) => {
        const { from, to } = await keysOf(workspace).rotate(rootPath(cli, options));
        await workspace.audit("key.rotate", to, { from });
        cli.out.line(`${to} follows ${from}. Start the service again: it signs with the new key from then on.`);
      }),
    );
}

interface EndOptions extends RootOption {
  lost?: boolean;
  compromised?: boolean;
}

function registerEnd(keys: Command, cli: Cli): void {
  keys
    .command("retire")
    .description("say that a key signs no more; what it signed before stays valid")
    .argument("<key>", "its id, or its first characters")
    .option("--lost", "its private half is lost")
    .option("--compromised", "somebody else may have its private half")
    .addOption(rootOption())
    .action((key: string, options: EndOptions, command: Command) =>
      inWorkspace(cli, command, async (workspace) => {
        const state = options.compromised === true ? "compromised" : options.lost === true ? "lost" : "retired";
        const changes = await keysOf(workspace).end(key, state, rootPath(cli, options));
        await tell(cli, workspace, changes);
      }),
    );
}

function registerSign(keys: Command, cli: Cli): void {
  keys
    .command("sign")
    .description("name every key of this installation in the history, by a root key that is kept elsewhere")
    .addOption(rootOption())
    .action((options: RootOption, command: Command) =>
      inWorkspace(cli, command, async (workspace) => {
        const changes = await keysOf(workspace).sign(rootPath(cli, options));
        if (changes.length === 0) cli.out.line("The history names every key already.");
        await tell(cli, workspace, changes);
      }),
    );
}

async function tell(cli: Cli, { audit }: Workspace, changes: readonly KeyChange[]): Promise<void> {
  const actions = { "key-created": "key.create", "key-retired": "key.retire", "key-lost": "key.lose" } as const;
  for (const { type, keyId, facts } of changes) {
    await audit(actions[type], keyId, facts);
    cli.out.line(`${keyId} is ${String(facts["state"])} now.`);
  }
}

function registerExportRoot(keys: Command, cli: Cli): void {
  keys
    .command("export-root")
    .description("print the root's public key: all that an outsider needs to check recordings and ledger")
    .action(async (_options: unknown, command: Command) => {
      const { keyDirectory, id } = configOf(cli, command).recorder;
      const state = await new InstallationKeys({ keyDirectory, recorderId: id }).read();
      if (state === null) throw noHistory(keyDirectory);
      await cli.out.write(state.root.publicKeyPem);
    });
}

function registerGenerateRoot(keys: Command, cli: Cli): void {
  keys
    .command("generate-root")
    .description("make a root key in a file, e.g. on a machine that is not connected to anything")
    .argument("<file>", "of the private key; not overwritten")
    .action(async (file: string) => {
      const path = resolve(cli.directory, file);
      const { public: root } = await generateRootKey(path);
      cli.err.line(`Root key ${root.keyId} in ${path}. Its public half, for root.pub.pem in the key directory:`);
      await cli.out.write(root.publicKeyPem);
    });
}

function noHistory(keyDirectory: string): AppError {
  const text = `${keyDirectory} has no history of keys yet: start the service once, or conduit keys sign --root FILE`;
  return new AppError("REQUEST_NOT_FOUND", text, { op: "cli.keys" });
}
