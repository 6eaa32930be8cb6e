// Events of another system from a file: which column is what, in which time zone its times are, and how its clock went. What
// would come of it is shown before it is done.
import "../../styles/cases.css";
import { useState } from "preact/hooks";
import { type ImportResult, ImportSettings, maxImportBytes, type NewImport } from "../../../shared/api/cases.ts";
import { importFile, type On } from "../../api/cases-client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { errorText } from "../../components/states.tsx";
import { formatMoment, formatPlural } from "../../format.ts";

const browserZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

export function ImportDialog({ on, onDone, onClose }: { on: On; onDone: () => void; onClose: () => void }) {
  const [file, setFile] = useState<{ name: string; base64: string; head: string } | null>(null);
  const [format, setFormat] = useState<"csv" | "jsonl">("csv");
  const [delimiter, setDelimiter] = useState(",");
  const [encoding, setEncoding] = useState("utf-8");
  const [at, setAt] = useState("");
  const [text, setText] = useState("");
  const [lane, setLane] = useState("");
  const [severity, setSeverity] = useState("");
  const [zone, setZone] = useState(browserZone);
  const [timeFormat, setTimeFormat] = useState("auto");
  const [offset, setOffset] = useState("0");
  const [result, setResult] = useState<ImportResult | null>(null);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const columns = file === null ? [] : columnsOf(file.head, format, delimiter);

  const choose = async (chosen: File | undefined) => {
    setResult(null);
    setError("");
    if (chosen === undefined) return setFile(null);
    if (chosen.size > maxImportBytes) return setError("A file of events has at most 10 MiB: import it in parts.");
    const bytes = new Uint8Array(await chosen.arrayBuffer());
    const head = new TextDecoder().decode(bytes.subarray(0, 16_384));
    const json = /\.(jsonl|ndjson|json)$/i.test(chosen.name);
    setFormat(json ? "jsonl" : "csv");
    if (!json) setDelimiter(likelyDelimiter(head));
    setFile({ name: chosen.name, base64: base64Of(bytes), head });
  };
  const wish = (dryRun: boolean): NewImport => ({
    name: file?.name ?? "",
    base64: file?.base64 ?? "",
    dryRun,
    settings: ImportSettings.parse({
      format,
      encoding,
      delimiter,
      mapping: {
        at,
        text: text
          .split(",")
          .map((one) => one.trim())
          .filter((one) => one !== ""),
        ...(lane === "" ? {} : { lane }),
        ...(severity === "" ? {} : { severity }),
      },
      timeZone: zone,
      timeFormat,
      offsetMs: Math.round(Number(offset) * 1000),
    }),
  });
  const submit = async (dryRun: boolean) => {
    setBusy(true);
    setError("");
    try {
      const answer = await importFile(on, wish(dryRun));
      setResult(answer);
      if (answer.imported !== null) onDone();
    } catch (failure) {
      setError(errorText(failure));
    } finally {
      setBusy(false);
    }
  };
  const changed =
    (set: (value: string) => void) =>
    (event: { currentTarget: { value: string } }): void => {
      set(event.currentTarget.value);
      setResult(null);
    };
  const ready = file !== null && at !== "" && text !== "" && !Number.isNaN(Number(offset));
  const tried = result !== null && result.errors.length === 0;
  return (
    <Dialog title="Import events of another system" testId="import-dialog" wide onClose={onClose}>
      <form
        class="import-form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(!tried);
        }}
      >
        <label class="field wide">
          <span>File, CSV or JSON lines, at most 10 MiB</span>
          <input
            type="file"
            accept=".csv,.txt,.tsv,.jsonl,.ndjson,.json"
            data-testid="import-file"
            onChange={(event) => void choose(event.currentTarget.files?.[0])}
          />
        </label>
        <label class="field">
          <span>Written as</span>
          <select value={format} onChange={changed((value) => setFormat(value === "jsonl" ? "jsonl" : "csv"))}>
            <option value="csv">CSV with headings</option>
            <option value="jsonl">JSON lines</option>
          </select>
        </label>
        <label class="field">
          <span>Separator</span>
          <select value={delimiter} disabled={format === "jsonl"} onChange={changed(setDelimiter)}>
            <option value=",">Comma</option>
            <option value=";">Semicolon</option>
            <option value={"\t"}>Tab</option>
            <option value="|">Bar</option>
          </select>
        </label>
        <label class="field">
          <span>Encoding</span>
          <select value={encoding} onChange={changed(setEncoding)}>
            <option value="utf-8">UTF-8</option>
            <option value="windows-1252">Windows-1252</option>
            <option value="utf-16le">UTF-16</option>
          </select>
        </label>
        <Column label="Time" id="import-at" value={at} columns={columns} onInput={changed(setAt)} />
        <Column
          label="Text; several with commas"
          id="import-text"
          value={text}
          columns={columns}
          onInput={changed(setText)}
        />
        <Column label="Lane, if any" id="import-lane" value={lane} columns={columns} onInput={changed(setLane)} />
        <Column
          label="Severity, if any"
          id="import-severity"
          value={severity}
          columns={columns}
          onInput={changed(setSeverity)}
        />
        <label class="field">
          <span>Time zone of its times</span>
          <input value={zone} maxLength={64} data-testid="import-zone" onInput={changed(setZone)} />
        </label>
        <label class="field">
          <span>Dates such as 03/04/2026</span>
          <select value={timeFormat} onChange={changed(setTimeFormat)}>
            <option value="auto">There are none</option>
            <option value="day-first">Day first</option>
            <option value="month-first">Month first</option>
          </select>
        </label>
        <label class="field">
          <span>Seconds its clock was behind</span>
          <input type="number" step="any" value={offset} data-testid="import-offset" onInput={changed(setOffset)} />
        </label>
        <div class="import-result" aria-live="polite">
          {result === null ? (
            <p class="dim">The file is kept as it is, with its SHA-256. Nothing is imported before you have seen it.</p>
          ) : result.errors.length > 0 ? (
            <>
              <p class="text-bad">Nothing was imported: lines cannot be read.</p>
              <ul class="import-errors" data-testid="import-errors">
                {result.errors.map(({ line, message }) => (
                  <li key={`${line} ${message}`}>
                    Line {line}: {message}
                  </li>
                ))}
              </ul>
            </>
          ) : (
            <>
              <p data-testid="import-sample">
                {formatPlural(result.events, "event")}. The first ones, by the recorder's clock:
              </p>
              <ul class="import-errors">
                {result.sample.map((event) => (
                  <li key={`${event.at} ${event.text}`}>
                    {formatMoment(event.at)} · {event.lane} · {event.text}
                  </li>
                ))}
              </ul>
            </>
          )}
        </div>
        <p class="form-error" role="alert">
          {error}
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" data-testid="import-send" disabled={busy || !ready}>
            {tried ? "Import" : "Look at it"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Column(props: {
  label: string;
  id: string;
  value: string;
  columns: readonly string[];
  onInput: (event: { currentTarget: { value: string } }) => void;
}) {
  return (
    <label class="field">
      <span>{props.label}</span>
      <input
        value={props.value}
        maxLength={200}
        list={`${props.id}-columns`}
        data-testid={props.id}
        onInput={props.onInput}
      />
      <datalist id={`${props.id}-columns`}>
        {props.columns.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  );
}

function likelyDelimiter(head: string): string {
  const first = head.split(/\r?\n/, 1)[0] ?? "";
  const counted = [",", ";", "\t", "|"].map((mark) => ({ mark, count: first.split(mark).length }));
  return counted.sort((a, b) => b.count - a.count)[0]?.mark ?? ",";
}

/** To choose from; any other may be typed. */
function columnsOf(head: string, format: "csv" | "jsonl", delimiter: string): string[] {
  const first = head.replace(/^\ufeff/, "").split(/\r?\n/, 1)[0] ?? "";
  if (format === "csv")
    return first
      .split(delimiter)
      .slice(0, 100)
      .map((name) => name.trim().replace(/^"|"$/g, ""));
  try {
    return Object.keys(JSON.parse(first) as object).slice(0, 100);
  } catch {
    return [];
  }
}

function base64Of(bytes: Uint8Array): string {
  let binary = "";
  for (let from = 0; from < bytes.length; from += 32_768)
    binary += String.fromCharCode(...bytes.subarray(from, from + 32_768));
  return btoa(binary);
}
