// Does the app of an actor do what its author thinks? (docs/ROUTES.md)

import { expect, test } from "bun:test"
import { app } from "./gate.ts"

test("whoever is known is let in", async () => {
  const gate = app(async (username) => username === "ann")
  for (const [username, answer] of [
    ["ann", "allow"],
    ["bob", "deny"],
  ] as const) {
    const body = new URLSearchParams({ username, password: "secret" })
    const response = await gate.request("/user", { method: "POST", body })
    expect(await response.text()).toBe(answer)
  }
})
