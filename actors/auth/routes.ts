// What does the service answer over HTTP that is more than a command or a query? Mounted at /x/auth on every node.
//
//   POST /tenants/TENANT/keys          makes an access key, and shows its secret: once, here and never again
//   GET, POST /rabbitmq/user           ┐ the questions of RabbitMQ's HTTP authentication backend: whoever it asks about has
//   …        /rabbitmq/vhost           │ `tenant.k1` as user name, the secret as password, and the tenant's name as
//   …        /rabbitmq/resource        │ virtual host
//   …        /rabbitmq/topic           ┘

import { type Context, Hono } from "hono"
import type { RoutesContext } from "raftlet"

import { nothingHere, objectIn, Refusal, textIn } from "../_refusal.ts"

import type { auth } from "./auth.ts"
import { hashOf } from "./secrets.ts"

export const routes = (ctx: Pick<RoutesContext, "cluster">): Hono => {
  const cluster = ctx.cluster<{ auth: ReturnType<typeof auth> }>()
  /** The same for what a client wrote: the schema of the command says what is wrong with it. */
  const unchecked = ctx.cluster()

  /** What an actor is asked stands in no log: the secret goes no further than the state that knows its hash. */
  const authenticates = async (name: string | undefined, secret: string): Promise<boolean> => {
    const names = namesIn(name)
    if (names === null) return false
    const input = { key: names.key, secret }
    const asked = { actor: "auth", key: names.tenant, query: "authenticate", input } as const
    return (await cluster.read(asked)).result.isGranted
  }

  /** On the hot path the leader answers by its lease, without asking the others. */
  const authorizes = async (fields: Fields, topic: string | undefined): Promise<boolean> => {
    const names = namesIn(fields["username"])
    const action = actionOf(fields["permission"])
    if (names === null || names.tenant !== fields["vhost"] || action === null || !topic) return false
    const input = { key: names.key, action, topic }
    const asked = {
      actor: "auth",
      key: names.tenant,
      query: "authorize",
      input,
      consistency: "lease",
    } as const
    return (await cluster.read(asked)).result.isGranted
  }

  return new Hono()
    .post("/tenants/:tenant/keys", async (c) => {
      const { label = "", expiresAt = null, ...rest } = await objectIn(c)
      const tenant = c.req.param("tenant")
      // Drawn here and not by the reducer: what a reducer draws follows from the log, for whoever reads that.
      const secret = `rk_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")}`
      const { result: key } = await unchecked.propose({
        actor: "auth",
        key: tenant,
        command: "addKey",
        input: { ...rest, label, hash: hashOf(secret), expiresAt },
      })
      return c.json({ key: `${tenant}.${key}`, secret, expiresAt }, 201, { "Cache-Control": "no-store" })
    })
    .on(asked, "/rabbitmq/user", async (c) => {
      const { username, password = "" } = await fieldsOf(c)
      return said(c, await authenticates(username, password))
    })
    .on(asked, "/rabbitmq/vhost", async (c) => {
      const { username, vhost } = await fieldsOf(c)
      const names = namesIn(username)
      return said(c, names !== null && names.tenant === vhost)
    })
    .on(asked, "/rabbitmq/resource", async (c) => {
      const fields = await fieldsOf(c)
      return said(c, await authorizes(fields, fields["name"]))
    })
    .on(asked, "/rabbitmq/topic", async (c) => {
      const fields = await fieldsOf(c)
      return said(c, await authorizes(fields, fields["routing_key"]))
    })
    .notFound(nothingHere)
}

/** RabbitMQ asks as it is configured to. */
const asked = ["GET", "POST"]

type Fields = Readonly<Record<string, string | undefined>>

const fieldsOf = async (c: Context): Promise<Fields> => {
  const fields = new URLSearchParams(c.req.method === "POST" ? await textIn(c) : new URL(c.req.url).search)
  // Which of the two is meant is not for us to choose.
  if (new Set(fields.keys()).size !== [...fields].length) throw new Refusal(400, "A field stands twice.")
  return Object.fromEntries(fields)
}

const said = (c: Context, isGranted: boolean): Response => c.text(isGranted ? "allow" : "deny")

/** `acme.k1`; null: a name that nobody can have. */
const namesIn = (name = ""): { readonly tenant: string; readonly key: string } | null => {
  const [, tenant, key] = /^([A-Za-z0-9_-]{1,64})\.(k[1-9][0-9]{0,8})$/.exec(name) ?? []
  return tenant === undefined || key === undefined ? null : { tenant, key }
}

/** To configure is to declare and to delete queues and exchanges. */
const actionOf = (permission: string | undefined): "publish" | "subscribe" | "admin" | null => {
  if (permission === "write") return "publish"
  if (permission === "read") return "subscribe"
  return permission === "configure" ? "admin" : null
}
