import { CopyButton } from "../../components/copy-button.tsx";

/** What is typed to get there, ready to be copied. The host is the portal's own, as this person reached it. */
export function sshCommand(person: string, target: string, port: number | null, host: string): string {
  return `ssh ${port === null || port === 22 ? "" : `-p ${port} `}${person}+${target}@${host}`;
}

export function SshLine({ person, target, port }: { person: string; target: string; port: number | null }) {
  const command = sshCommand(person, target, port, location.hostname);
  return (
    <p class="ssh-line">
      <code data-testid="ssh-line">{command}</code>
      <CopyButton text={command} what={`the command for ${target}`} />
    </p>
  );
}
