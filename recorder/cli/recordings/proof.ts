// What a recording proves, for commands that show it: signatures by a trusted key, and the chain from the OPEN record on.
// The segments' bytes are not read here; that is for `verify`.
import { AppError } from "../../../shared/errors.ts";
import { isOfUntrustedKey, openRecordProves } from "../../catalog/proof.ts";
import { openName, openSignatureName } from "../../store/keys.ts";
import { printable } from "../output.ts";
import { type Archive, trustedKeys } from "./archive.ts";

export interface Proof {
  /** `unsealed`: the OPEN record is proven, the manifest does not exist yet. `unchecked`: nobody looked. */
  state: "proven" | "unproven" | "untrusted" | "unsealed" | "unchecked";
  /** What is wrong; empty but with `unproven` and `untrusted`. */
  faults: string[];
}

export const unchecked: Proof = { state: "unchecked", faults: [] };

export async function proofOf(archive: Archive, session: string): Promise<Proof> {
  try {
    const { faults = [] } = await archive.reader.index(session);
    if (faults.length === 0) return { state: "proven", faults };
    return { state: faults.every(isOfUntrustedKey) ? "untrusted" : "unproven", faults };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === "REQUEST_NOT_FOUND") return proofOfOpen(archive, session);
    // Unreadable as what it should be: that is what there is to say of it.
    if (error.code === "INTEGRITY_FORMAT" || error.code === "STORE_REFUSED")
      return { state: "unproven", faults: [error.message] };
    throw error;
  }
}

async function proofOfOpen({ config, reader }: Archive, session: string): Promise<Proof> {
  const bytes = async (name: string) => {
    try {
      return await reader.object(session, name);
    } catch (error) {
      if (error instanceof AppError && error.code === "REQUEST_NOT_FOUND") return null;
      throw error;
    }
  };
  const [open, signature] = [await bytes(openName), await bytes(openSignatureName)];
  if (open === null || signature === null)
    return { state: "unproven", faults: [`${open === null ? openName : openSignatureName} does not exist`] };
  if (openRecordProves(session, open, signature, trustedKeys(config, []))) return { state: "unsealed", faults: [] };
  return { state: "unproven", faults: [`${openName} is not signed by a key that is trusted here`] };
}

/** One line for people. */
export function describeProof({ state, faults }: Proof): string {
  const all = faults.map(printable).join("; ");
  switch (state) {
    case "proven":
      return "signatures and chain hold; verify reads the stored bytes too";
    case "unsealed":
      return "the OPEN record is signed; there is no manifest yet";
    case "untrusted":
      return `NONE, a key is not trusted here: ${all}`;
    case "unproven":
      return `NONE: ${all}`;
    case "unchecked":
      return "not checked";
  }
}
