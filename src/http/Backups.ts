// How does a client get all of a group's state as one file, while writes go on?

import { Effect, Exit, Scope } from "effect"
import type { Raft } from "../raft/Raft.ts"
import { askNothing, type Door, type Doors, type Headers } from "./Doors.ts"
import { timeoutMillis, timeoutMillisMax } from "./parameters.ts"
import { fromFailure, Problem } from "./problem.ts"
import { orProblem, within } from "./snapshots.ts"
import { parseQuery } from "./target.ts"

type HeldSnapshot = Effect.Success<Raft["Service"]["backup"]>

/** Each takes the room of a whole state on this node's disk until its client has it all. */
const backupsMax = 2
const pieceBytes = 512 * 1024

/** `GET /admin/backup`, of one node. */
export class Backups {
  readonly #doors: Doors
  #running = 0

  constructor(doors: Doors) {
    this.#doors = doors
  }

  /**
   * A copy that holds at least everything that was acknowledged before the request came, by whatever node. It
   * is read as fast as its client takes it.
   */
  async answer(request: Request): Promise<Response> {
    const door = this.#doors.find(parseQuery(request, ["group"]).get("group"))
    // What would stand in the other headers is known only when the copy is made: too much for a HEAD.
    if (request.method === "HEAD") return new Response(null, { headers: this.#headers(door, null) })
    const deadline = door.raft.now() + timeoutMillis(request)
    const arrived = await askNothing(door, "linearizable", deadline)
    if (arrived._tag === "Failure") throw fromFailure(arrived)
    // Unless its client says otherwise, a large state may take longer than other requests.
    const isPatient = !request.headers.has("raftlet-timeout-ms")
    const millis = isPatient ? timeoutMillisMax : Math.max(0, deadline - door.raft.now())
    const { held, letGo } = await this.#hold(door, millis)
    return new Response(streamOf(held, letGo), { headers: this.#headers(door, held) })
  }

  /** The copy, and how to let it go: once, however often it is said. */
  async #hold(door: Door, millis: number): Promise<{ held: HeldSnapshot; letGo: () => void }> {
    if (this.#running >= backupsMax) {
      throw new Problem("overloaded", `${backupsMax} backups are under way at this node already.`)
    }
    this.#running++
    const scope = Scope.makeUnsafe()
    let isHeld = true
    const letGo = (): void => {
      if (!isHeld) return
      isHeld = false
      Effect.runFork(Scope.close(scope, Exit.void))
      this.#running--
    }
    const made = Effect.runPromise(Scope.provide(orProblem(door.raft.backup), scope))
    const late = new Problem("timeout", `The copy is not finished after ${millis} ms.`)
    const held = await within(millis, made, late)
    if (!(held instanceof Problem)) return { held, letGo }
    // A copy that nobody waits for any more counts until it is there, and goes.
    void made.then(letGo, letGo)
    throw held
  }

  #headers(door: Door, held: HeldSnapshot | null): Headers {
    const type = { "Content-Type": "application/vnd.sqlite3" }
    if (held === null) return { ...this.#doors.headers(door), ...type }
    const { id, index, term, bytes } = held.snapshot
    const name = `raftlet-${this.#doors.node.clusterId}-${door.raft.group}-${index}.db`
    return {
      ...this.#doors.headersOf(door.raft.status(), term),
      ...type,
      "Content-Disposition": `attachment; filename="${name}"`,
      // Bun leaves it out of what it streams (oven-sh/bun#10507): the digest proves that all has come.
      "Content-Length": String(bytes),
      "Repr-Digest": `sha-256=:${Buffer.from(id, "hex").toString("base64")}:`,
      "Raftlet-Index": String(index),
    }
  }
}

/**
 * One piece in memory at a time: the next one is read when the client has taken what was sent. Bun cancels it when the
 * client goes, also one that had gone before.
 */
const streamOf = ({ snapshot, read }: HeldSnapshot, letGo: () => void): ReadableStream<Uint8Array> => {
  let offset = 0
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const bytes = await Effect.runPromise(read(offset, pieceBytes))
          offset += bytes.byteLength
          if (bytes.byteLength > 0) controller.enqueue(bytes)
          // An end in the middle must look like one to the client.
          else if (offset < snapshot.bytes) throw new Error(`the snapshot ends at ${offset}`)
          if (offset < snapshot.bytes) return
          letGo()
          controller.close()
        } catch (error) {
          letGo()
          throw error
        }
      },
      cancel: letGo,
    },
    { highWaterMark: 0 },
  )
}
