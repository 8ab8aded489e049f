// How does an operator bring code into a cluster, over HTTP, and what is answered?

import { Effect } from "effect"
import { bundleSource } from "../../../src/machine/bundle.ts"

/** An answer of whatever kind: who asks decides what it should have been. */
export interface Told {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>> & {
    readonly code?: string
    readonly detail?: string
    readonly result?: unknown
  }
}

export const bundleOf = async (actor: string, source: string): Promise<string> => {
  const { code } = await Effect.runPromise(bundleSource({ name: actor, source }))
  return code
}

/** Admin and client calls about one actor, at one node. */
export class Operator {
  readonly #url: string
  readonly #millisMax: number

  constructor(url: string, millisMax = 60_000) {
    this.#url = url
    this.#millisMax = millisMax
  }

  /** Bundled here, as `raftlet deploy` does it. */
  async upload(actor: string, source: string): Promise<Told> {
    return this.uploadBundle(actor, await bundleOf(actor, source))
  }

  uploadBundle(actor: string, bundle: string): Promise<Told> {
    return this.admin(actor, "versions", { bundle })
  }

  /** Bundled at the node. */
  uploadSource(actor: string, source: string): Promise<Told> {
    return this.#ask("POST", `/admin/actors/${actor}/versions`, source, "text/typescript")
  }

  plan(actor: string, body: object = {}): Promise<Told> {
    return this.admin(actor, "plan", body)
  }

  activate(actor: string, token: unknown): Promise<Told> {
    return this.admin(actor, "activate", { token })
  }

  rollback(actor: string, body: object = {}): Promise<Told> {
    return this.admin(actor, "rollback", body)
  }

  repair(actor: string, key: string, body: object): Promise<Told> {
    return this.admin(actor, `instances/${encodeURIComponent(key)}/repair`, body)
  }

  actors(): Promise<Told> {
    return this.#ask("GET", "/admin/actors")
  }

  /** Uploads, plans and activates; the first answer that is not 200 is the last. */
  async deploy(actor: string, source: string): Promise<Told> {
    return this.deployBundle(actor, await bundleOf(actor, source))
  }

  async deployBundle(actor: string, bundle: string): Promise<Told> {
    const uploaded = await this.uploadBundle(actor, bundle)
    if (uploaded.status !== 200) return uploaded
    const planned = await this.plan(actor, { version: uploaded.body["version"] })
    return planned.status === 200 ? this.activate(actor, planned.body["token"]) : planned
  }

  propose(
    actor: string,
    key: string,
    command: string,
    input: unknown = null,
    idempotencyKey: string = crypto.randomUUID(),
  ): Promise<Told> {
    const path = `/propose/${actor}/${encodeURIComponent(key)}/${command}`
    return this.#ask("POST", path, JSON.stringify(input), "application/json", {
      "Idempotency-Key": idempotencyKey,
    })
  }

  proposeMany(proposals: ReadonlyArray<object>): Promise<Told> {
    return this.#ask("POST", "/propose", JSON.stringify({ proposals }), "application/json")
  }

  query(actor: string, key: string, query: string): Promise<Told> {
    return this.#ask("GET", `/read/${actor}/${encodeURIComponent(key)}/${query}`)
  }

  state(actor: string, key: string): Promise<Told> {
    return this.#ask("GET", `/read/${actor}/${encodeURIComponent(key)}`)
  }

  admin(actor: string, path: string, body: object): Promise<Told> {
    return this.#ask("POST", `/admin/actors/${actor}/${path}`, JSON.stringify(body), "application/json")
  }

  async #ask(
    method: "GET" | "POST",
    path: string,
    body: string | null = null,
    type = "",
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Told> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        ...(body === null ? {} : { "Content-Type": type }),
        "Raftlet-Timeout-Ms": `${this.#millisMax}`,
        ...headers,
      },
      body,
      signal: AbortSignal.timeout(this.#millisMax + busyMillis),
    })
    const text = await response.text()
    try {
      return { status: response.status, body: JSON.parse(text) as Told["body"] }
    } catch {
      throw new Error(`${method} ${path}: ${response.status} ${text}`)
    }
  }
}

/** A machine on which everything runs at once may say late that time is up. */
const busyMillis = 10_000
