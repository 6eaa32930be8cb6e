// PROXY headers: whatever bytes come, in whatever pieces, the parser answers, and says the same of a header however it came.
import fc from "fast-check";
import { expect, test } from "vitest";
import { maxHeaderBytes, parseProxyHeader } from "../../../recorder/tap/proxy-header.ts";
import { AppError } from "../../../shared/errors.ts";

const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

function answer(bytes: Buffer): unknown {
  try {
    return parseProxyHeader(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe("PROTOCOL_MALFORMED");
    return "malformed";
  }
}

const anything = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.concat([signature, bytes])),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from("PROXY "), bytes])),
  fc
    .tuple(fc.constantFrom("TCP4", "TCP6", "UNKNOWN", "UDP4"), fc.string({ maxLength: 90 }))
    .map(([family, rest]) => Buffer.from(`PROXY ${family} ${rest}\r\n`, "latin1")),
  fc
    .tuple(fc.integer({ min: 0x1f, max: 0x22 }), fc.constantFrom(0, 0x11, 0x21, 0x31), fc.uint8Array({ maxLength: 60 }))
    .map(([version, family, body]) =>
      Buffer.concat([signature, Buffer.from([version, family, 0, body.length]), Buffer.from(body)]),
    ),
);

test("any bytes get an answer, an address that is one, and no more is taken than came", () => {
  fc.assert(
    fc.property(anything, (bytes) => {
      const header = answer(bytes) as
        | { bytes: number; source: { address: string; port: number } | null }
        | null
        | string;
      if (header === null || typeof header === "string") return;
      expect(header.bytes).toBeLessThanOrEqual(Math.min(bytes.length, maxHeaderBytes));
      if (header.source === null) return;
      expect(header.source.address).toMatch(/^[0-9a-f.:]{2,45}$/);
      expect(header.source.port).toBeLessThanOrEqual(65535);
    }),
    { numRuns: 3000 },
  );
});

test("in pieces or at once: the same header, and a refusal never turns into one with more bytes", () => {
  fc.assert(
    fc.property(anything, (bytes) => {
      let first: unknown = null;
      for (let n = 0; n <= bytes.length && first === null; n++) first = answer(bytes.subarray(0, n));
      if (first !== null) expect(answer(bytes)).toEqual(first);
      else expect(answer(bytes)).toBeNull();
    }),
    { numRuns: 500 },
  );
});

test("what well-formed headers name is given back, and what follows them is left", () => {
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((text) => !text.includes(".")),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2),
      fc.ipV4(),
      fc.integer({ min: 0, max: 65535 }),
      address,
      (version, v4, port, any) => {
        const rest = Buffer.from("SSH-2.0-x\r\n");
        const header = version === 1 ? Buffer.from(`PROXY TCP4 ${v4} 10.0.0.1 ${port} 22\r\n`) : binary(v4, port);
        expect(parseProxyHeader(Buffer.concat([header, rest]))).toEqual({
          bytes: header.length,
          source: { address: v4, port },
        });
        if (any.includes(":")) {
          const line = Buffer.from(`PROXY TCP6 ${any} ::1 ${port} 22\r\n`);
          expect(parseProxyHeader(line)?.source?.port).toBe(port);
        }
      },
    ),
  );
});

function binary(address: string, port: number): Buffer {
  const body = Buffer.alloc(12);
  for (const [i, part] of address.split(".").entries()) body.writeUInt8(Number(part), i);
  body.writeUInt16BE(port, 8);
  return Buffer.concat([signature, Buffer.from([0x21, 0x11, 0, 12]), body]);
}
