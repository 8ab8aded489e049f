// What do the services of a message cloud say to bad input, and does a secret stay with its owner?

import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { client } from "raftlet/client"
import type auth from "../../actors/auth/index.ts"
import { businessActors, type Cluster, withCluster } from "./support/Cluster.ts"

interface Asked {
  readonly path: string
  readonly method?: string
  readonly body?: string
  readonly credentials?: string
}

test("bad input gets its problem at every door, and a secret stands nowhere but with who got it", async () => {
  await withCluster(
    async (cluster) => {
      const at = client<{ auth: typeof auth }>(cluster.urls)
      await at.propose({ actor: "auth", key: "acme", command: "open" })
      const rule = {
        effect: "allow",
        actions: ["publish", "subscribe"],
        pattern: "orders.#",
        keys: null,
      } as const
      await at.propose({ actor: "auth", key: "acme", command: "setRule", input: { id: "orders", ...rule } })
      const made = await at.request("/x/auth/tenants/acme/keys", { method: "POST", body: "{}" })
      const { key, secret } = (await made.json()) as { readonly key: string; readonly secret: string }
      expect([made.status, made.headers.get("cache-control"), key]).toEqual([201, "no-store", "acme.k1"])
      expect(secret).toMatch(/^rk_[A-Za-z0-9_-]{43}$/)

      const ask = async ({ path, method = "POST", body, credentials }: Asked, node = 0) => {
        const response = await fetch(`${cluster.urls[node % cluster.urls.length]}${path}`, {
          method,
          ...(body === undefined ? {} : { body }),
          headers: {
            "Content-Type": "application/json",
            ...(credentials === undefined ? {} : { Authorization: `Basic ${btoa(credentials)}` }),
          },
        })
        return { status: response.status, text: await response.text() }
      }
      const good = `${key}:${secret}`
      const topic = "/x/topic/topics/orders.eu"
      const said: Array<string> = []
      for (const [number, [asked, status, code]] of bad({ good, topic, secret }).entries()) {
        const answer = await ask(asked, number)
        said.push(answer.text)
        expect({ asked, ...answer }).toMatchObject({
          status,
          text: expect.stringContaining(`"code":"${code}"`),
        })
      }

      expect(
        await ask({
          path: `${topic}/groups/mail`,
          method: "PUT",
          body: '{"from":"next"}',
          credentials: good,
        }),
      ).toMatchObject({ status: 200 })
      for (const [number, body] of ["one", "two", "three"].entries())
        expect(await ask({ path: `${topic}/messages`, body, credentials: good }, number)).toMatchObject({
          status: 200,
        })
      const check = { key: "k1", secret, action: "publish", topic: "orders.eu" } as const
      const { result } = await at.read({ actor: "auth", key: "acme", query: "check", input: check })
      expect(result.isGranted).toBe(true)
      at.close()

      for (const node of cluster.nodes) {
        const shown = [
          "/metrics",
          "/admin/node",
          "/admin/log?group=auth",
          "/admin/backup?group=auth",
          "/read/auth/acme",
        ]
        for (const path of shown) {
          const { text } = await ask({ path, method: "GET" }, cluster.nodes.indexOf(node))
          said.push(text)
        }
        said.push(node.log())
      }
      for (const text of said) expect(text.includes(secret)).toBe(false)
      expect(filesWith(cluster, secret)).toEqual([])
      // What is looked for would have been found.
      expect(filesWith(cluster, "orders.eu")).not.toEqual([])
    },
    { actors: businessActors },
  )
}, 120_000)

const bad = ({
  good,
  topic,
  secret,
}: {
  readonly good: string
  readonly topic: string
  readonly secret: string
}): ReadonlyArray<readonly [Asked, number, string]> => [
  [{ path: "/x/auth/tenants/acme/keys", body: "no JSON" }, 400, "bad-request"],
  [{ path: "/x/auth/tenants/acme/keys", body: "[]" }, 400, "bad-request"],
  [{ path: "/x/auth/tenants/acme/keys", body: '{"label":7}' }, 400, "invalid-input"],
  [{ path: "/x/auth/tenants/acme/keys", body: '{"lable":"x"}' }, 400, "invalid-input"],
  [{ path: "/x/auth/tenants/acme/keys", body: '{"expiresAt":1}' }, 422, "rejected"],
  [{ path: "/x/auth/tenants/nobody/keys", body: "{}" }, 422, "rejected"],
  [
    { path: "/propose/auth/acme/addKey", body: JSON.stringify({ label: "", hash: secret, expiresAt: null }) },
    400,
    "invalid-input",
  ],
  [{ path: "/propose/auth/acme/setRule", body: '{"id":"x","effect":"maybe"}' }, 400, "invalid-input"],
  [{ path: "/propose/auth/acme/revokeKey", body: '{"id":"k99"}' }, 422, "rejected"],
  [
    { path: "/read/auth/acme/check", body: JSON.stringify({ key: "k1", secret: [secret] }) },
    400,
    "invalid-input",
  ],
  [{ path: `${topic}/messages`, body: "x" }, 401, "unauthorized"],
  [{ path: `${topic}/messages`, body: "x", credentials: "acme.k1:wrong" }, 401, "unauthorized"],
  [{ path: `${topic}/messages`, body: "x", credentials: `acme.k2:${secret}` }, 401, "unauthorized"],
  [{ path: `${topic}/messages`, body: "x", credentials: "nobody" }, 401, "unauthorized"],
  [{ path: "/x/topic/topics/bills/messages", body: "x", credentials: good }, 403, "forbidden"],
  [{ path: `${topic}/messages`, body: "x".repeat(65_537), credentials: good }, 400, "invalid-input"],
  [{ path: `${topic}/messages?group=mail`, method: "GET", credentials: good }, 404, "not-found"],
  [{ path: `${topic}/messages?group=mail&max=0`, method: "GET", credentials: good }, 400, "invalid-input"],
  [{ path: `${topic}/messages?group=mail&max=many`, method: "GET", credentials: good }, 400, "invalid-input"],
  [{ path: `${topic}/messages?group=%20`, method: "GET", credentials: good }, 400, "invalid-input"],
  [
    { path: `${topic}/groups/mail`, method: "PUT", body: '{"from":"middle"}', credentials: good },
    400,
    "invalid-input",
  ],
  [{ path: `${topic}/groups/mail`, method: "PUT", body: "", credentials: good }, 400, "bad-request"],
  [{ path: `${topic}/groups/mail/commit`, body: '{"next":0}', credentials: good }, 422, "rejected"],
  [{ path: `${topic}/groups/mail/commit`, body: '{"next":-1}', credentials: good }, 400, "invalid-input"],
  [{ path: "/propose/metering/acme/record", body: "{}" }, 400, "invalid-input"],
  [{ path: "/propose/metering/acme/spend", body: '{"tokens":0}' }, 400, "invalid-input"],
]

/** Everything that the nodes have written, as bytes. */
const filesWith = (cluster: Cluster, text: string): ReadonlyArray<string> =>
  readdirSync(cluster.directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text))
