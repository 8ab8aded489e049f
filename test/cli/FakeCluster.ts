// A cluster without a log: nodes that answer what a test has them say, over real sockets.

export interface Seen {
  readonly node: string
  readonly method: string
  /** With its query string. */
  readonly path: string
  readonly body: unknown
  readonly headers: Headers
}

/** What one node answers instead of its usual words; null: those after all. */
export type Answer = (seen: Seen) => Response | Promise<Response> | null

interface FakeMember {
  role: "voter" | "learner"
  state: string
  lag: number
  lastContactMs: number
  zone?: string
  whole: boolean
  version: string
  client: string
}

export class FakeCluster {
  /** Every request but those for /healthz, in order. */
  readonly seen: Array<Seen> = []
  readonly members = new Map<string, FakeMember>()
  leader: string | null = null
  outgoing: ReadonlyArray<string> = []
  answer: Answer = () => null
  readonly #servers = new Map<string, Bun.Server<undefined>>()
  /** Also of those that are dead. */
  readonly #urls = new Map<string, string>()

  constructor(count = 3) {
    for (let at = 1; at <= count; at++) this.start(`n${at}`)
    this.leader = "n1"
  }

  start(id: string): void {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#serve(id, request) })
    this.#servers.set(id, server)
    this.#urls.set(id, `http://127.0.0.1:${server.port}`)
    this.join(id, "voter", this.url(id))
  }

  /** A member that nobody need be able to reach. */
  join(id: string, role: "voter" | "learner", client = ""): void {
    const healthy = { state: "replicate", lag: 0, lastContactMs: 12, whole: true, version: "1.0.0" }
    this.members.set(id, { ...healthy, role, client })
  }

  member(id: string): FakeMember {
    return this.members.get(id)!
  }

  url(id: string): string {
    return this.#urls.get(id)!
  }

  get urls(): string {
    return [...this.#urls.values()].join(",")
  }

  /** What was asked besides what a look asks. */
  get changes(): ReadonlyArray<Seen> {
    return this.seen.filter(({ method }) => method !== "GET")
  }

  async kill(id: string): Promise<void> {
    await this.#servers.get(id)?.stop(true)
  }

  async stop(): Promise<void> {
    for (const id of this.#servers.keys()) await this.kill(id)
  }

  async #serve(node: string, request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url)
    const text = await request.text()
    const body: unknown = text === "" ? undefined : JSON.parse(text)
    const seen = { node, method: request.method, path: pathname + search, body, headers: request.headers }
    if (pathname !== "/healthz") this.seen.push(seen)
    const instead = this.answer(seen)
    return instead ?? this.#usual(node, pathname)
  }

  #usual(node: string, path: string): Response {
    switch (path) {
      case "/healthz":
        return Response.json({ healthy: true })
      case "/readyz":
        return Response.json({ ready: true })
      case "/admin/node":
        return Response.json(this.nodeWords(node))
      case "/admin/cluster":
        return Response.json(this.clusterWords())
      default:
        return problem("not-found", "There is nothing at this path.", { status: 404 })
    }
  }

  nodeWords(node: string) {
    return {
      id: node,
      clusterId: "c-1",
      version: this.member(node).version,
      groups: [
        {
          group: "main",
          role: node === this.leader ? "leader" : "follower",
          term: 4,
          leader: this.leader,
          commitIndex: 100,
          appliedIndex: 100,
          snapshotIndex: 90,
          persistedIndex: 100,
          standing: this.member(node).whole ? "whole" : "suspect",
        },
      ],
    }
  }

  clusterWords() {
    const voters = [...this.members].flatMap(([id, { role }]) => (role === "voter" ? [id] : []))
    const { outgoing } = this
    return {
      clusterId: "c-1",
      leader: this.leader,
      term: 4,
      members: [...this.members].map(([id, { role, client, state, lag, lastContactMs, whole, zone }]) => ({
        id,
        role,
        peer: "127.0.0.1:5000",
        ...(zone === undefined ? {} : { zone }),
        client,
        ...(this.leader === null
          ? { state: null, matchIndex: null, lag: null, lastContactMs: null, whole: null }
          : { state, matchIndex: 100 - lag, lag, lastContactMs, whole }),
      })),
      change: outgoing.length === 0 ? null : { voters, outgoing, goal: null },
    }
  }
}

export const problem = (
  code: string,
  detail: string,
  more: { readonly status?: number; readonly outcome?: string; readonly retryable?: boolean } = {},
): Response => {
  const { status = 503, outcome = "rejected", retryable = false } = more
  const document = {
    type: `urn:raftlet:problem:${code}`,
    title: code,
    status,
    detail,
    code,
    outcome,
    retryable,
  }
  return new Response(JSON.stringify(document), {
    status,
    headers: { "Content-Type": "application/problem+json" },
  })
}
