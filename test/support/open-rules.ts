// What tests of everything but access say of access: a rule opens by itself, which no rule of a plant should.

/** Spread into a rule. */
export const openRule = { require: { approval: false, mfa: false, escort: "never" } } as const;

/** With single commands, which a rule gives by name alone. */
const capabilities = ["shell", "exec", "sftp", "screen"];

/** A policy of such rules: no second factor at the portal, and files pass unscanned. */
export function openRules(...rules: Record<string, unknown>[]): Record<string, unknown> {
  return {
    signIn: { mfa: "optional" },
    fileTransfer: "allow",
    rules: rules.map((rule) => ({ capabilities, ...openRule, ...rule })),
  };
}
