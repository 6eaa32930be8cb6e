import { expect, it } from "vitest";
import { relyingPartyOf } from "../../../../recorder/access/webauthn/relying-party.ts";

it("passkeys are for the name and the origin of the portal, and why there are none is said", () => {
  expect(relyingPartyOf("https://recorder.example:8443/x")).toEqual({
    id: "recorder.example",
    origin: "https://recorder.example:8443",
  });
  expect(relyingPartyOf("http://localhost:8080")).toEqual({ id: "localhost", origin: "http://localhost:8080" });
  for (const url of ["https://192.0.2.7:8443", "https://[2001:db8::1]", "http://127.0.0.1:8080"]) {
    expect(relyingPartyOf(url)).toMatchObject({ whyNot: expect.stringContaining("bare IP address") });
  }
  expect(relyingPartyOf("http://recorder.example")).toMatchObject({ whyNot: expect.stringContaining("without TLS") });
});
