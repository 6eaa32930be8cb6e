import { expect, test } from "vitest";
import { nearest } from "../../../recorder/config/nearest.ts";

const known = ["listen", "hostKeys", "banner", "dataDirectory"];

test.each([
  ["lisen", "listen"],
  ["lsiten", "listen"],
  ["host_keys", "hostKeys"],
  ["HOSTKEY", "hostKeys"],
  ["datadirectory", "dataDirectory"],
])("%s means %s", (word, meant) => expect(nearest(word, known)).toBe(meant));

test.each(["port", "x", "completely-else"])("%s means none of them", (word) => expect(nearest(word, known)).toBeNull());

test("nothing is near when nothing is known", () => expect(nearest("listen", [])).toBeNull());
