// How does an operator have leadership spread evenly now, instead of in a while?

import type { Move } from "../groups/balance.ts"
import { movesNow } from "../groups/rebalancer.ts"
import type { Bodies } from "./Bodies.ts"
import { clientOf, type Doors, jsonResponse } from "./Doors.ts"
import { bodyObject } from "./members.ts"
import { timeoutMillis } from "./parameters.ts"
import { Problem } from "./problem.ts"
import { parseQuery } from "./target.ts"

export interface RebalanceOptions {
  readonly doors: Doors
  readonly bodies: Bodies
}

/** What has become of one hand-over. `left`: there was no time for it; whoever leads too much does it by itself. */
type Outcome = "done" | "failed" | "left"

/** Hand-overs under way at once: each is a moment without a leader for its group. */
const atOnceMax = 8

/** `POST /admin/rebalance` `{dryRun?}` */
export const rebalance = async ({ doors, bodies }: RebalanceOptions, request: Request): Promise<Response> => {
  parseQuery(request, [])
  const { dryRun = false } = bodyObject(await bodies.json(request), ["dryRun"])
  if (typeof dryRun !== "boolean") throw new Problem("bad-request", "dryRun must be true or false.")
  const main = doors.find(undefined)
  const deadline = doors.now() + timeoutMillis(request)
  // Whoever knows of nobody that leads cannot say either who is there.
  if (main.raft.glance().leader === null) throw new Problem("no-leader", "No leader is known to this node.")
  const { leaders, isThere } = doors.directory()
  const moves = movesNow(doors.all(), main, leaders(), isThere)
  const outcomes = new Map<Move, Outcome>(moves.map((move) => [move, "left"]))
  const waiting = [...moves]
  const work = async (): Promise<void> => {
    for (let move = waiting.shift(); move !== undefined; move = waiting.shift()) {
      const millis = deadline - doors.now()
      if (millis <= 0) return
      outcomes.set(move, (await handOver(doors, move, millis)) ? "done" : "failed")
    }
  }
  if (!dryRun) await Promise.all(Array.from({ length: atOnceMax }, work))
  return jsonResponse(
    JSON.stringify({
      moves: moves.map((move) => ({ ...move, ...(dryRun ? {} : { outcome: outcomes.get(move)! }) })),
      done: moves.length === 0 || (!dryRun && [...outcomes.values()].every((outcome) => outcome === "done")),
    }),
    doors.headers(main),
  )
}

/** By whoever leads it; false: it still does, or nobody knows. */
const handOver = async (doors: Doors, { group, from, to }: Move, millis: number): Promise<boolean> => {
  const raft = doors.open(group)?.raft
  if (raft === undefined) return false
  const status = raft.status()
  if (from === status.id) {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const answer = (given: object) => resolve(!("_tag" in given))
    raft.transfer({ to, deadline: raft.now() + millis, answer })
    return promise
  }
  const client = clientOf(status, from)
  if (client === "") return false
  try {
    const response = await fetch(`${client}/admin/transfer?group=${encodeURIComponent(group)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Raftlet-Timeout-Ms": String(Math.max(1, millis)) },
      body: JSON.stringify({ to }),
      signal: AbortSignal.timeout(millis),
      keepalive: false,
    })
    return response.ok
  } catch {
    return false
  }
}
