// How is a cluster asked, when any of its nodes may be away and any of them will do?

import { type Answer, type Asked, ask, type Line } from "./ask.ts"
import { Hedges } from "./Hedges.ts"
import { Link } from "./Link.ts"
import { Nodes } from "./Nodes.ts"

/** Something that is asked for until a deadline. */
export interface Call {
  /** By the clock. */
  readonly deadline: number
  readonly signal: AbortSignal
  /** Where its leader may be known from, the closest first; empty: any node will do. */
  readonly places: ReadonlyArray<string>
  /** Whether its answers name that leader. Those to a batch, and of a list, name another group's. */
  readonly learns: boolean
}

export class Cluster {
  readonly line: Line
  readonly nodes: Nodes
  readonly hedges = new Hedges()
  readonly #discovers: boolean
  readonly #closing = new AbortController()
  #lookAt = Number.NEGATIVE_INFINITY
  #lookedAt = Number.NEGATIVE_INFINITY
  #isLooking = false

  constructor(urls: ReadonlyArray<string>, line: Line, discovers: boolean) {
    this.line = line
    this.nodes = new Nodes(urls, discovers, line.clock)
    this.#discovers = discovers
  }

  /** Ends everything that is under way. */
  close(): void {
    this.#closing.abort(new Error("the client was closed"))
  }

  /** Ends with the client, or when its caller no longer wants it. */
  link(signal: AbortSignal | undefined): Link {
    const link = new Link(signal, this.#closing.signal)
    if (!link.signal.aborted) return link
    link.release()
    throw link.signal.reason
  }

  /** One node, once. */
  async ask(call: Call, url: string, asked: Asked, millis: number): Promise<Answer> {
    const answer = await ask(this.line, url, asked, millis, call.signal)
    this.note(url, answer, call.learns ? call.places : [])
    return answer
  }

  /** What an answer says of the node, and of the others. */
  note(url: string, answer: Pick<Answer, "type" | "leader">, places: ReadonlyArray<string> = []): void {
    const { now } = this.line.clock
    if (answer.type === "silent") this.nodes.failed(url)
    else {
      this.nodes.answered(url)
      this.hedges.earn()
    }
    const isNew = answer.leader !== null && answer.leader !== "" && this.nodes.leads(places, answer.leader)
    if (answer.type === "silent" || isNew)
      this.#lookAt = Math.min(this.#lookAt, this.#lookedAt + lookMillisMin)
    if (this.#discovers && !this.#isLooking && now() >= this.#lookAt) void this.#look()
  }

  /** Who belongs to the cluster now? Nobody waits for it, and a node that does not say so is none the worse. */
  async #look(): Promise<void> {
    const { clock } = this.line
    this.#isLooking = true
    this.#lookedAt = clock.now()
    this.#lookAt = this.#lookedAt + lookMillis
    try {
      const url = this.nodes.next(none)
      if (url === null) return
      const asked = { method: "GET", path: "/admin/cluster" } as const
      const answer = await ask(this.line, url, asked, lookPatienceMillis, this.#closing.signal)
      const members = answer.type === "told" ? membersIn(answer.value) : []
      if (members.length > 0) this.nodes.replace(members)
    } catch {
      // Closed meanwhile, or there is no token: whoever asks for something is told.
    } finally {
      this.#isLooking = false
    }
  }
}

/** The client URLs of an answer of `/admin/cluster`. */
const membersIn = (value: unknown): ReadonlyArray<string> => {
  const { members } = (value ?? {}) as { readonly members?: unknown }
  if (!Array.isArray(members)) return []
  return members.flatMap((member: { readonly client?: unknown } | null) =>
    typeof member?.client === "string" && member.client !== "" ? [member.client] : [],
  )
}

const none: ReadonlySet<string> = new Set()
/** How often the members are looked for when nothing happens, and when something does. */
const lookMillis = 60_000
const lookMillisMin = 1000
const lookPatienceMillis = 2000
