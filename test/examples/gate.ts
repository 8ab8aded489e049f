// An actor that answers requests of clients itself (docs/ROUTES.md).

import { Schema } from "effect"
import { Hono } from "hono"
import { actor } from "raftlet"

const hashOf = async (password: string): Promise<string> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(password))).toHex()

/** Whether somebody is who they say. All that the app needs: easy to stand in for. */
type Admits = (username: string, hash: string) => Promise<boolean>

export const app = (admits: Admits) =>
  new Hono().post("/user", async (c) => {
    const { username, password } = await c.req.parseBody()
    if (typeof username !== "string" || typeof password !== "string") return c.text("deny", 400)
    return c.text((await admits(username, await hashOf(password))) ? "allow" : "deny")
  })

export default actor({
  version: 1,
  state: Schema.Struct({ hash: Schema.NullOr(Schema.String) }),
  initial: { hash: null },
  commands: {
    enrol: {
      input: Schema.Struct({ hash: Schema.String }),
      output: Schema.Null,
      reduce: (_, { hash }) => ({ state: { hash }, result: null }),
    },
  },
  queries: {
    admits: {
      input: Schema.Struct({ hash: Schema.String }),
      output: Schema.Boolean,
      read: (state, { hash }) => state.hash === hash,
    },
  },
  routes: (ctx) =>
    app(async (key, hash) => {
      const { result } = await ctx.read({ key, query: "admits", input: { hash }, consistency: "lease" })
      return result
    }),
})
