// How is a cluster asked, when any of its nodes may be away and any of them will do?

import { type Answer, type Asked, ask, type Line } from "./ask.ts"
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

/** What came of one attempt. `done`: there is to be no other. */
export type Attempt = Pick<Answer, "type" | "retryAfterMillis"> & { readonly done: boolean }

export class Cluster {
  readonly line: Line
  readonly nodes: Nodes
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

  /** One node after the other, until an attempt is the last one, or time is up. */
  async persevere(call: Call, attempt: (url: string, millis: number) => Promise<Attempt>): Promise<void> {
    const { clock } = this.line
    let asked = new Set<string>()
    for (let pause = pauseMillisMin; ; ) {
      const left = call.deadline - clock.now()
      const url = this.nodes.next(asked, call.places)
      if (left <= 0) return
      let rest = 0
      if (url === null) asked = new Set()
      else {
        asked.add(url)
        const { done, type, retryAfterMillis } = await attempt(url, patience(left))
        if (done) return
        // Another node may know more than one that is gone, and at once.
        if (type === "silent") continue
        rest = retryAfterMillis
      }
      rest += pause * (0.5 + clock.random() / 2)
      if (rest >= call.deadline - clock.now()) return
      await clock.sleep(rest, call.signal)
      call.signal.throwIfAborted()
      pause = Math.min(pause * 2, pauseMillisMax)
    }
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
    else this.nodes.answered(url)
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

/** A node that hangs costs a part of the time only, but not every one that is slow is given up. */
export const patience = (left: number): number => Math.min(left, Math.max(left / 3, patienceMillisMin))

/** The client URLs of an answer of `/admin/cluster`. */
const membersIn = (value: unknown): ReadonlyArray<string> => {
  const { members } = (value ?? {}) as { readonly members?: unknown }
  if (!Array.isArray(members)) return []
  return members.flatMap((member: { readonly client?: unknown } | null) =>
    typeof member?.client === "string" && member.client !== "" ? [member.client] : [],
  )
}

const none: ReadonlySet<string> = new Set()
const patienceMillisMin = 500
const pauseMillisMin = 50
const pauseMillisMax = 1000
/** How often the members are looked for when nothing happens, and when something does. */
const lookMillis = 60_000
const lookMillisMin = 1000
const lookPatienceMillis = 2000
