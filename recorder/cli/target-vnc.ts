// `conduit target` for targets of VNC: add, scan and pin the certificate, test, and one-time tickets for viewers.
import type { Command } from "commander";
import { VncTicket } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { VncTarget } from "../../shared/policy/policy.ts";
import { reasonSentences } from "../../shared/policy/reasons.ts";
import type { SecretStore } from "../access/secrets.ts";
import type { Config } from "../config.ts";
import type { VncTargetAccess } from "../tap/tap.ts";
import { checkVncTarget } from "../tap/vnc/dial-target.ts";
import { scanVncServer } from "../tap/vnc/scan-certificate.ts";
import { askService } from "./ask-service.ts";
import { type Cli, configOf, localActor } from "./cli.ts";
import { addTarget, pinCertificate } from "./inventory-edit.ts";
import { findTarget, inventoryOf } from "./inventory-of.ts";
import { printable } from "./output.ts";
import { proveToService, type ServiceProof } from "./prove-to-service.ts";

/** Of `conduit target add`, for every protocol. */
export interface AddOptions {
  protocol: string;
  host: string;
  port?: number;
  conduit: string;
  account?: string;
  /** False for `--no-secret`. */
  secret?: string | boolean;
  tag?: string[];
  description?: string;
  scan?: boolean;
}

export async function addVncTarget(cli: Cli, config: Config, name: string, options: AddOptions): Promise<void> {
  const secret = options.secret === false ? null : typeof options.secret === "string" ? options.secret : name;
  const scanned = options.scan === true ? await scanVncServer(options.host, options.port ?? 5900) : null;
  const fingerprint = scanned?.certificate?.fingerprint;
  if (scanned !== null && fingerprint === undefined) throw nothingToPin(name, scanned.offers);
  addTarget(config, {
    name,
    conduit: options.conduit,
    protocol: "vnc",
    host: options.host,
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.account === undefined ? {} : { account: options.account }),
    ...(secret === null ? {} : { secret }),
    ...(options.tag === undefined ? {} : { tags: options.tag }),
    ...(options.description === undefined ? {} : { description: options.description }),
    ...(fingerprint === undefined ? {} : { vnc: { tls: { fingerprints: [fingerprint] } } }),
  });
  cli.out.line(`Added ${name} to ${config.inventory.targets}. A running service has it within a second.`);
  if (fingerprint !== undefined) cli.out.line(`Pinned ${fingerprint}; compare it with the machine's own.`);
  cli.out.line(`Next: ${secret === null ? "" : `conduit secret set ${secret}, `}conduit target test ${name}`);
}

/** `known` is null for an address that is no target. */
export async function scanVnc(
  cli: Cli,
  config: Config,
  { host, port }: { host: string; port: number },
  known: VncTarget | null,
  options: { pin?: boolean; json?: boolean },
): Promise<void> {
  const { offers, certificate } = await scanVncServer(host, port);
  if (options.pin === true && known !== null) {
    if (certificate === null) throw nothingToPin(known.name, offers);
    pin(cli, config, known, certificate.fingerprint);
    return;
  }
  if (options.json === true) return cli.out.json({ offers, certificate });
  if (certificate === null) cli.out.line(`No certificate. Offered: ${offers.join(", ")}`);
  else cli.out.line(`${certificate.fingerprint}   # ${printable(certificate.subject)}, until ${certificate.validTo}`);
}

function pin(cli: Cli, config: Config, { name, vnc }: VncTarget, fingerprint: string): void {
  const pinned = vnc.tls.fingerprints;
  if (pinned.includes(fingerprint)) {
    cli.out.line(`${name}: the certificate is pinned already.`);
    return;
  }
  if (pinned.length > 0) {
    throw new AppError(
      "PROTOCOL_TARGET_HOST_KEY",
      `${name} has a pinned certificate and shows another: ${fingerprint}. If the change is known, replace the line in ${config.inventory.targets} by hand.`,
      { op: "cli.scan" },
    );
  }
  pinCertificate(config, name, fingerprint);
  cli.out.line(`Pinned ${fingerprint} for ${name}; compare it with the machine's own.`);
}

function nothingToPin(name: string, offers: readonly string[]): AppError {
  return new AppError(
    "PROTOCOL_TARGET_HOST_KEY",
    `${printable(name)} shows no certificate, so there is nothing to pin. It offers ${offers.join(", ")}.`,
    { op: "cli.scan" },
  );
}

/** For `conduit target test` and `conduit doctor --targets`. */
export async function accessOf(target: VncTarget, secrets: SecretStore): Promise<VncTargetAccess> {
  const { name, host, port, account, vnc: settings } = target;
  const secret = target.secret === undefined ? null : await secrets.get(target.secret);
  if (secret !== null && secret.kind !== "password") {
    const message = `the secret ${target.secret} of target ${name} is a private key; VNC takes a password: conduit secret set ${target.secret}`;
    throw new AppError("CONFIG_INVALID", message, { op: "cli.target" });
  }
  return { name, host, port, account, settings, credential: secret ?? { kind: "none" } };
}

export async function checkVnc(
  cli: Cli,
  config: Config,
  target: VncTarget,
  secrets: SecretStore,
  options: { json?: boolean },
): Promise<void> {
  const timeoutMs = config.limits.targetConnectSeconds * 1000;
  const access = await accessOf(target, secrets).catch((error: unknown) => {
    throw withoutSecret(error, target);
  });
  const { facts, init } = await checkVncTarget(access, { timeoutMs });
  if (options.json === true) return cli.out.json({ target: target.name, ...facts, screen: init });
  cli.out.line(`${target.name}: logged in by ${facts.security} at ${target.host}:${target.port}`);
  if (facts.fingerprint !== "") cli.out.line(`certificate ${facts.fingerprint} (known)`);
  const { bitsPerPixel, depth } = init.format;
  cli.out.line(`${printable(init.name)}, ${init.width}×${init.height}, depth ${depth} in ${bitsPerPixel} bits`);
}

/** Many a panel asks for no password: what to do then is no guess. */
function withoutSecret(error: unknown, { name, secret }: VncTarget): unknown {
  if (!(error instanceof AppError) || !error.message.startsWith("there is no secret named")) return error;
  const message = `${error.message} ${secret}, or, where ${name} asks for no password, remove \`secret\` from it in the targets' file (conduit target add has --no-secret)`;
  return new AppError(error.code, message, { op: "cli.target.test", cause: error });
}

const Ticket = VncTicket.omit({ path: true });

export function registerTicket(target: Command, cli: Cli): void {
  target
    .command("ticket")
    .description("a one-time ticket with which a person's VNC viewer opens one session (needs the running service)")
    .argument("<name>")
    .option("--person <name>", "whose session it will be; policy is asked as always, without a second factor")
    .option("--as <person>", "the same, who is here and types password and verification code")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
The person types it as the password of a viewer; as its name, where it asks for one, PERSON+TARGET. Where the rule asks for
a second factor, the person proves it here:
  $ conduit target ticket hmi-reactor-01 --as erika`,
    )
    .action(async (name: string, options: TicketOptions, command: Command) => {
      const one = findTarget(inventoryOf(configOf(cli, command)), name);
      if (one.protocol !== "vnc") throw noTicketFor(one.name);
      const person = await ticketFor(cli, command, options);
      const body = { target: one.name, person, operator: localActor(cli) };
      const answer = await askService(cli, command, "POST", "/vnc-ticket", body).catch((error: unknown) => {
        throw typeof person === "string" ? withMend(error, one.name, person) : error;
      });
      const issued = Ticket.parse(answer);
      if (options.json === true) return cli.out.json(issued);
      const host = new URL(configOf(cli, command).http.publicUrl).hostname;
      cli.out.line(`Server       ${host}::${issued.port}`);
      cli.out.line(`User name    ${issued.userName}   # where the viewer asks for one`);
      cli.out.line(`Password     ${issued.ticket}   # works once, until ${issued.expiresAt}`);
      cli.out.line(`Certificate  SHA-256 ${issued.fingerprint}`);
      cli.out.line(`             pin-sha256="${issued.publicKeyPin}"   # of its public key, as TigerVNC shows it`);
    });
}

interface TicketOptions {
  person?: string;
  as?: string;
  json?: boolean;
}

async function ticketFor(cli: Cli, command: Command, { person, as }: TicketOptions): Promise<string | ServiceProof> {
  if (as !== undefined) {
    if (person !== undefined && person.toLowerCase() !== as.toLowerCase()) {
      const message = "--as is the person whose session it will be; leave --person out";
      throw new AppError("REQUEST_INVALID", message, { op: "cli.target.ticket", details: { exitCode: 2 } });
    }
    return proveToService(cli, command, as);
  }
  if (person !== undefined) return person;
  const message = "give --person, or --as with password and verification code";
  throw new AppError("REQUEST_INVALID", message, { op: "cli.target.ticket", details: { exitCode: 2 } });
}

/** Of a second factor that nobody was asked for here. */
function withMend(error: unknown, target: string, person: string): unknown {
  if (!(error instanceof AppError) || !error.message.includes(reasonSentences["mfa-needed"])) return error;
  const message = `${person} may not reach ${target}: A second factor is needed. It is proven with password and code: conduit target ticket ${target} --as ${person}, or by the ticket that the portal gives`;
  return new AppError(error.code, message, { op: "cli.target.ticket", cause: error });
}

function noTicketFor(name: string): AppError {
  const message = `there is no VNC target named ${name}: it is reached by ssh, which needs no ticket; conduit target list shows which are vnc`;
  return new AppError("REQUEST_NOT_FOUND", message, { op: "cli.target" });
}
