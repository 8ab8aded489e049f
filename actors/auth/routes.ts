// What does the service answer over HTTP that is more than a command or a query? Mounted at /x/auth on every node.
//
//   POST /tenants/TENANT/keys          makes an access key, and shows its secret: once, here and never again
//   GET, POST /rabbitmq/user           ┐ the questions of RabbitMQ's HTTP authentication backend: whoever it asks about has
//   …        /rabbitmq/vhost           │ `tenant.k1` as user name, the secret as password, and the tenant's name as
//   …        /rabbitmq/resource        │ virtual host
//   …        /rabbitmq/topic           ┘

import { type Context, Hono } from "hono"
import type { RoutesContext } from "raftlet"
import { nothingHere, objectIn } from "../_refusal.ts"
import type { auth } from "./auth.ts"
import { hashOf } from "./secrets.ts"

export const routes = (ctx: Pick<RoutesContext, "cluster">): Hono => {
  const cluster = ctx.cluster<{ auth: ReturnType<typeof auth> }>()
  /** The same for what a client wrote: the schema of the command says what is wrong with it. */
  const unchecked = ctx.cluster()

  /** What an actor is asked stands in no log: the secret goes no further than the state that knows its hash. */
  const authenticates = async (name: string, secret: string): Promise<boolean> => {
    const { tenant, key } = namesIn(name)
    const asked = { actor: "auth", key: tenant, query: "authenticate", input: { key, secret } } as const
    return (await cluster.read(asked)).result.isGranted
  }

  /** On the hot path the leader answers by its lease, without asking the others. */
  const authorizes = async (name: string, action: "publish" | "subscribe" | "admin", topic: string) => {
    const { tenant, key } = namesIn(name)
    const input = { key, action, topic }
    const { result } = await cluster.read({
      actor: "auth",
      key: tenant,
      query: "authorize",
      input,
      consistency: "lease",
    })
    return result.isGranted
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
      const { username = "", password = "" } = await fieldsOf(c)
      return c.text((await authenticates(username, password)) ? "allow" : "deny")
    })
    .on(asked, "/rabbitmq/vhost", async (c) => {
      const { username = "", vhost = "" } = await fieldsOf(c)
      return c.text(namesIn(username).tenant === vhost ? "allow" : "deny")
    })
    .on(asked, "/rabbitmq/resource", async (c) => {
      const { username = "", vhost = "", name = "", permission = "" } = await fieldsOf(c)
      const action = actionOf(permission)
      const isOwn = namesIn(username).tenant === vhost
      return c.text(isOwn && action !== null && (await authorizes(username, action, name)) ? "allow" : "deny")
    })
    .on(asked, "/rabbitmq/topic", async (c) => {
      const { username = "", vhost = "", routing_key = "", permission = "" } = await fieldsOf(c)
      const action = actionOf(permission)
      const isOwn = namesIn(username).tenant === vhost
      return c.text(
        isOwn && action !== null && (await authorizes(username, action, routing_key)) ? "allow" : "deny",
      )
    })
    .notFound(nothingHere)
}

/** RabbitMQ asks as it is configured to. */
const asked = ["GET", "POST"]

const fieldsOf = async (c: Context): Promise<Record<string, string | undefined>> => {
  const text = c.req.method === "POST" ? await c.req.text() : new URL(c.req.url).search
  return Object.fromEntries(new URLSearchParams(text))
}

/** `acme.k1`: what comes in another form is a name of nobody. */
const namesIn = (name: string): { readonly tenant: string; readonly key: string } => {
  const dot = name.indexOf(".")
  return dot < 1
    ? { tenant: "nobody.at.all", key: "" }
    : { tenant: name.slice(0, dot), key: name.slice(dot + 1) }
}

/** To configure is to declare and to delete queues and exchanges. */
const actionOf = (permission: string): "publish" | "subscribe" | "admin" | null => {
  if (permission === "write") return "publish"
  if (permission === "read") return "subscribe"
  return permission === "configure" ? "admin" : null
}
