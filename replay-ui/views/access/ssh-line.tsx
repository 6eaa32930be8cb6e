import { CopyButton } from "../../components/copy-button.tsx";

/** What is typed to get there, ready to be copied. The host is the portal's own, as this person reached it. */
export function sshCommand(person: string, target: string, port: number | null, host: string): string {
  return `ssh ${port === null || port === 22 ? "" : `-p ${port} `}${person}+${target}@${host}`;
}

export function SshLine({ person, target, port }: { person: string; target: string; port: number | null }) {
  const command = sshCommand(person, target, port, location.hostname);
  return (
    <p class="ssh-line">
      <code data-testid="ssh-line">
        {command.split(" ").map((word, i) => (
          // Broken between words: a name that is cut at its hyphen reads as two.
          <span key={i}>
            {i === 0 ? "" : " "}
            <span class="word">{word}</span>
          </span>
        ))}
      </code>
      <CopyButton text={command} what={`the command for ${target}`} />
    </p>
  );
}
