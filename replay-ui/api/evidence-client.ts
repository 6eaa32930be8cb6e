// What the page about attestations asks the service. Loaded with it, its schemas included.
import "../zod-without-eval.ts";
import { VerificationState } from "../../shared/api/verification.ts";
import { Attestation } from "../../shared/evidence/attestation.ts";
import { query, send } from "./client.ts";

export interface LoadedAttestation {
  attestation: Attestation;
  /** The very text that is signed. */
  text: string;
  /** Base64. */
  signature: string;
  sha256: string;
}

export async function getAttestation(period: { from: string; to: string }): Promise<LoadedAttestation> {
  const answer = await send("GET", `/attestation${query({ ...period, format: "file" })}`);
  const text = await answer.text();
  return {
    attestation: Attestation.parse(JSON.parse(text)),
    text,
    signature: answer.headers.get("x-signature") ?? "",
    sha256: answer.headers.get("x-sha256") ?? "",
  };
}

export function attestationPageUrl(sha256: string): string {
  return `/api/v1/attestation${query({ sha256, format: "html" })}`;
}

export async function getVerification(): Promise<VerificationState> {
  return VerificationState.parse(await (await send("GET", "/verification")).json());
}
