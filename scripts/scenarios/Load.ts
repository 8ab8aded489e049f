// What do clients do all the time, what are they told, and was any of it wrong?
//
// Publishers and subscribers, each in a closed loop, over all nodes; somebody who tries to get in; and an operator who
// makes keys and takes them back. Each call has one request id, under which it is tried until it has an answer.

import { type Client, client, Failure } from "raftlet/client"
import type auth from "../../actors/auth/index.ts"
import type metering from "../../actors/metering/index.ts"
import { Wrongs } from "./Wrongs.ts"

export interface LoadOptions {
  /** Of the nodes that run at first; the client finds the others. */
  readonly urls: ReadonlyArray<string>
  /** Of all that run at the moment. */
  readonly nodes: () => ReadonlyArray<{ readonly id: string; readonly url: string }>
}

/** One call that a client was told the end of. */
export interface Call {
  readonly tenant: string
  /** As metering names it: `POST /topics/{topic}/messages`. */
  readonly api: string
  readonly status: number
  /** Milliseconds on this process's clock. */
  readonly start: number
  readonly end: number
}

type Actors = {
  readonly auth: typeof auth
  readonly metering: typeof metering
}

interface Credentials {
  /** As `acme.k1`. */
  readonly key: string
  readonly secret: string
}

const tenants = ["acme", "globex"]
const publishersEach = 3
/** From one call of a loop to the next, at least: a machine of two cores also has the nodes to run. */
const paceMillis = 40
const callMillisMax = 15_000

export class Load {
  /** With an answer, refused or not. */
  readonly calls: Array<Call> = []
  /** Client-visible: calls that came to no answer, or to one that nobody wanted. */
  readonly errors: Array<string> = []
  readonly wrongs = new Wrongs()
  readonly #client: Client<Actors>
  readonly #options: LoadOptions
  readonly #loops: Array<Promise<void>> = []
  readonly #published = new Map<string, Array<string>>()
  readonly #consumed = new Map<string, Array<string>>()
  #isOver = false
  #publishersLeft = 0
  #requests = 0

  constructor(options: LoadOptions) {
    this.#options = options
    this.#client = client<Actors>(options.urls, { timeoutMillis: callMillisMax })
  }

  /** Tenants, their keys and their rules; then everybody begins. */
  async begin(): Promise<void> {
    for (const tenant of tenants) {
      await this.#operate(tenant, "open", null)
      await this.#client.propose({
        actor: "metering",
        key: tenant,
        command: "configure",
        input: { graceMillis: 1_000 },
      })
      for (const [id, pattern, effect] of rules) {
        const rule = { id, effect, pattern, actions: ["publish", "subscribe"], keys: null }
        await this.#operate(tenant, "setRule", rule)
      }
      const credentials = await this.#newKey(tenant)
      const topic = `${tenant}/orders.eu`
      this.#published.set(topic, [])
      this.#consumed.set(topic, [])
      await this.#call(
        credentials,
        "PUT",
        "/topics/orders.eu/groups/audit",
        JSON.stringify({ from: "oldest" }),
      )
      this.#publishersLeft += publishersEach
      for (let at = 1; at <= publishersEach; at++)
        this.#loops.push(this.#publisher(credentials, topic, `${tenant}-${at}`))
      this.#loops.push(this.#subscriber(credentials, topic))
      this.#loops.push(this.#intruder(credentials))
    }
    this.#loops.push(this.#operator(tenants[0]!))
  }

  /** Nothing new is published; what was is consumed to its end. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
    for (const [topic, published] of this.#published)
      this.wrongs.compare(
        `what was published to ${topic}, and what its group was given`,
        published,
        this.#consumed.get(topic)!,
      )
  }

  async #publisher(credentials: Credentials, topic: string, name: string): Promise<void> {
    for (let n = 1; !this.#isOver; n++) {
      const body = `${name}:${n}`
      const answer = await this.#call(credentials, "POST", "/topics/orders.eu/messages", body)
      if (answer?.status === 200) this.#published.get(topic)!.push(body)
      else if (answer !== null) this.wrongs.add(`${body} was not taken: ${answer.status} ${answer.text}`)
      await Bun.sleep(paceMillis)
    }
    this.#publishersLeft--
  }

  /** Works on what it gets, then says so. It must be given everything, in order, once. */
  async #subscriber(credentials: Credentials, topic: string): Promise<void> {
    const consumed = this.#consumed.get(topic)!
    let next = 0
    for (;;) {
      const isLast = this.#publishersLeft === 0
      const polled = await this.#call(credentials, "GET", "/topics/orders.eu/messages?group=audit&max=100")
      if (polled?.status === 200) {
        const answer = JSON.parse(polled.text) as Polled
        if (answer.missed > 0) this.wrongs.add(`${topic} has lost ${answer.missed} messages`)
        for (const { offset, body } of answer.messages) {
          if (offset !== next) this.wrongs.add(`${topic} gave message ${offset} in the place of ${next}`)
          next = offset + 1
          consumed.push(body)
        }
        if (answer.messages.length > 0) {
          const commit = JSON.stringify({ next: answer.next })
          await this.#call(credentials, "POST", "/topics/orders.eu/groups/audit/commit", commit)
        } else if (isLast) return
      } else if (polled !== null) this.wrongs.add(`a poll was refused: ${polled.status} ${polled.text}`)
      else if (isLast) return
      await Bun.sleep(paceMillis)
    }
  }

  /** Nobody lets it in, whatever happens to the nodes. */
  async #intruder(credentials: Credentials): Promise<void> {
    const wrongSecret = { ...credentials, secret: `${credentials.secret.slice(0, -1)}!` }
    while (!this.#isOver) {
      const guessed = await this.#call(wrongSecret, "POST", "/topics/orders.eu/messages", "stolen")
      if (guessed !== null && guessed.status !== 401)
        this.wrongs.add(`a wrong secret was answered ${guessed.status} ${guessed.text}`)
      const denied = await this.#call(credentials, "POST", "/topics/orders.secret/messages", "leaked")
      if (denied !== null && denied.status !== 403)
        this.wrongs.add(`a denied topic was answered ${denied.status} ${denied.text}`)
      await Bun.sleep(5 * paceMillis)
    }
  }

  /**
   * Makes a key, uses it, takes it back; and from then on no node may let it in, one that is cut off neither: it has no
   * other way to notice than to give no answer.
   */
  async #operator(tenant: string): Promise<void> {
    while (!this.#isOver) {
      const made = await this.#newKey(tenant).catch((error: unknown) => this.#failed("a key is made", error))
      if (made === null) continue
      const asked = { key: idOf(made), secret: made.secret, action: "publish", topic: "orders.eu" } as const
      const granted = await this.#check(this.#client, tenant, asked)
      if (granted === false) this.wrongs.add(`${made.key} was refused after it had been made`)
      await this.#operate(tenant, "revokeKey", { id: idOf(made) })
      await Promise.all(
        this.#options.nodes().map(async ({ id, url }) => {
          const alone = client<Actors>([url], { timeoutMillis: 1_500 })
          const isGranted = await this.#check(alone, tenant, asked, false)
          alone.close()
          if (isGranted === true) this.wrongs.add(`${id} let ${made.key} in after it had been taken back`)
        }),
      )
      await Bun.sleep(10 * paceMillis)
    }
  }

  async #check(
    at: Client<Actors>,
    tenant: string,
    input: { key: string; secret: string; action: "publish"; topic: string },
    isCounted = true,
  ): Promise<boolean | null> {
    try {
      const { result } = await at.read({ actor: "auth", key: tenant, query: "check", input })
      return result.isGranted
    } catch (error) {
      if (isCounted) this.#failed("a key is checked", error)
      return null
    }
  }

  async #newKey(tenant: string): Promise<Credentials> {
    const { status, text } = await this.#request("POST", `/x/auth/tenants/${tenant}/keys`, { label: "load" })
    if (status !== 201) throw new Error(`${status} ${text}`)
    return JSON.parse(text) as Credentials
  }

  /** An operator's command. */
  async #operate(tenant: string, command: never, input: never): Promise<void>
  async #operate(tenant: string, command: string, input: unknown): Promise<void>
  async #operate(tenant: string, command: string, input: unknown): Promise<void> {
    try {
      await this.#client.propose({ actor: "auth", key: tenant, command, input } as never)
    } catch (error) {
      this.#failed(`${command} of ${tenant}`, error)
    }
  }

  /** A call to the queue; null: it came to no answer. */
  async #call(
    { key, secret }: Credentials,
    method: string,
    path: string,
    body?: string,
  ): Promise<{ readonly status: number; readonly text: string } | null> {
    const start = performance.now()
    try {
      const authorization = `Basic ${btoa(`${key}:${secret}`)}`
      const answer = await this.#request(method, `/x/topic${path}`, body, { authorization })
      const route = routeOf(path)
      const tenant = key.split(".")[0]!
      this.calls.push({
        tenant,
        api: `${method} ${route}`,
        status: answer.status,
        start,
        end: performance.now(),
      })
      return answer
    } catch (error) {
      return this.#failed(`${method} ${path}`, error)
    }
  }

  async #request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await this.#client.request(path, {
      method,
      headers: { ...headers, "content-type": typeof body === "string" ? "text/plain" : "application/json" },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      idempotencyKey: `scenario-${process.pid}-${++this.#requests}`,
    })
    return { status: response.status, text: await response.text() }
  }

  #failed(what: string, error: unknown): null {
    const words =
      error instanceof Failure ? `${error.code} (${error.outcome}): ${error.message}` : String(error)
    this.errors.push(`${what}: ${words}`)
    return null
  }
}

interface Polled {
  readonly messages: ReadonlyArray<{ readonly offset: number; readonly body: string }>
  readonly next: number
  readonly missed: number
}

const rules = [
  ["orders", "orders.*", "allow"],
  ["not-these", "orders.secret", "deny"],
] as const

const idOf = ({ key }: Credentials): string => key.split(".")[1]!

/** As the metering service names it. */
const routeOf = (path: string): string =>
  path
    .split("?")[0]!
    .replace(/^\/topics\/[^/]+/, "/topics/{topic}")
    .replace(/\/groups\/[^/]+/, "/groups/{group}")
