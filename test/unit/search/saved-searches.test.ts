import { expect, test } from "vitest";
import { SavedSearches } from "../../../recorder/search/saved-searches.ts";
import { openState } from "../../support/state.ts";

test("a kept search stays when its end cannot be written down, and only its owner's end is", async () => {
  const database = await openState(":memory:");
  try {
    const saved = new SavedSearches(database.searches);
    const { id } = await saved.save("erika", { name: "resets", query: { q: "reset" }, shared: true });
    const told: string[] = [];
    const fails = () => Promise.reject(new Error("the audit log cannot be written"));
    await expect(saved.remove("erika", id, fails)).rejects.toThrow("cannot be written");
    expect(await saved.list("erika")).toHaveLength(1);
    await expect(saved.remove("otto", id, async () => told.push("otto"))).rejects.toMatchObject({
      code: "REQUEST_NOT_FOUND",
    });
    await saved.remove("erika", id, async () => told.push("erika"));
    expect(told).toEqual(["erika"]);
    expect(await saved.list("erika")).toEqual([]);
  } finally {
    await database.close();
  }
});
