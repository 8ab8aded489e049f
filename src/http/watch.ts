// How does a client follow the events of an instance, over whatever node it reaches, without a gap?

import type { Bodies } from "./Bodies.ts"
import { askNothing, type Door, type Doors } from "./Doors.ts"
import { type Cursor, parseCursor } from "./eventFrames.ts"
import { timeoutMillis } from "./parameters.ts"
import { passOn } from "./passing.ts"
import { fromFailure, Problem } from "./problem.ts"
import { doorTo, lookAgain, type Target } from "./routing.ts"
import { within } from "./snapshots.ts"
import { decodePart, keyOfSegment, parseQuery, parseSwitch } from "./target.ts"
import type { Watcher } from "./Watcher.ts"
import type { Watchers } from "./Watchers.ts"

/** After how many seconds in which nothing moves the server ends the request's connection; 0: never. */
export type SetIdleSeconds = (request: Request, seconds: number) => void

/**
 * `GET /watch/{actor}/{key}`: server-sent events from what this node has applied. Behind the cursor of `Last-Event-ID`
 * or `after`, or from now on: behind all that was acknowledged, by any node, before the request came.
 */
export const watch = async (
  around: { readonly doors: Doors; readonly bodies: Bodies },
  watchersOf: (door: Door) => Watchers,
  setIdleSeconds: SetIdleSeconds,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  const parameters = parseQuery(request, ["group", "after", "redirect"])
  // Every node serves it from its own state: there is nothing that only the leader could do.
  parseSwitch(parameters.get("redirect"), "redirect")
  const asked = {
    actor: decodePart(segments[0]!, "The actor's name"),
    key: keyOfSegment(segments[1]!),
    cursor: cursorOf(request, parameters),
  }
  const { doors } = around
  const deadline = doors.now() + timeoutMillis(request)
  const target = { group: parameters.get("group"), ...asked }
  for (;;) {
    const begun = await begin(around, watchersOf, setIdleSeconds, request, asked, target, deadline)
    if (begun !== null) return begun
    await lookAgain(doors, target, deadline)
  }
}

interface Asked {
  readonly actor: string
  readonly key: string
  readonly cursor: Cursor | null
}

/** Null: the instance is in another group by now. */
const begin = async (
  around: { readonly doors: Doors; readonly bodies: Bodies },
  watchersOf: (door: Door) => Watchers,
  setIdleSeconds: SetIdleSeconds,
  request: Request,
  asked: Asked,
  target: Target,
  deadline: number,
): Promise<Response | null> => {
  const { doors } = around
  const door = doorTo(doors, target)
  if (door.far !== undefined) {
    setIdleSeconds(request, 0)
    return passOn(around, door.far, request)
  }
  const watchers = watchersOf(door)
  const watcher = watchers.enter(asked, () => setIdleSeconds(request, partingSeconds))
  try {
    // An index of another group's log is none of this one's.
    const isOurs = (asked.cursor?.move ?? 0) === doors.movedBy(asked.actor, asked.key)
    await arrive(door, isOurs ? asked.cursor : null, deadline)
    const first = await within(deadline - door.raft.now(), watchers.next(watcher), late)
    if (first instanceof Problem) {
      watchers.leave(watcher)
      if (first.code === "elsewhere") return null
      throw first
    }
    if (first === null) throw new Problem("shutting-down", "The node is shutting down.")
    const headers = {
      ...doors.headers(door),
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      // nginx would keep events back until it has a buffer full of them.
      "X-Accel-Buffering": "no",
      "Raftlet-Index": String(watcher.index),
    }
    if (request.method === "HEAD") {
      watchers.leave(watcher)
      return new Response(null, { headers })
    }
    // Bun counts what it sends for nothing: only a client that speaks would keep its connection.
    setIdleSeconds(request, 0)
    return new Response(streamOf(first, watchers, watcher), { headers })
  } catch (cause) {
    watchers.leave(watcher)
    throw cause
  }
}

/** The header is the newer one: a browser that reconnects asks for the same URL again. */
const cursorOf = (request: Request, parameters: ReadonlyMap<string, string>): Cursor | null => {
  const header = request.headers.get("last-event-id")
  if (header !== null && header !== "") return parseCursor(header, "Last-Event-ID")
  const after = parameters.get("after")
  return after === undefined ? null : parseCursor(after, "after")
}

/**
 * Waits until this node has what the client has seen, perhaps at a node that was further, and all that was acknowledged
 * anywhere. So a node that is parted from the others begins no stream.
 */
const arrive = async (door: Door, cursor: Cursor | null, deadline: number): Promise<void> => {
  const minIndex = cursor === null ? 0 : cursor.seen === 0 ? cursor.index : cursor.index + 1
  const answer = await askNothing(door, "linearizable", deadline, minIndex)
  // Where the leader has answered for a disk that does not follow, the stream begins here, and stands still until then.
  if (answer._tag !== "Failure") return
  const { appliedIndex } = door.raft.status()
  if (answer.code !== "timeout" || appliedIndex >= minIndex) throw fromFailure(answer)
  throw new Problem("stale", `This node has applied entries up to ${appliedIndex}, and not yet ${minIndex}.`)
}

/** One piece in memory at a time. Bun cancels it when the client goes, also one that had gone before. */
const streamOf = (
  first: Uint8Array,
  watchers: Watchers,
  watcher: Watcher,
): ReadableStream<Uint8Array<ArrayBuffer>> => {
  let begin: Uint8Array | null = first
  let isCancelled = false
  return new ReadableStream(
    {
      pull: async (controller) => {
        const piece = begin ?? (await watchers.next(watcher))
        begin = null
        if (isCancelled) return
        if (piece instanceof Uint8Array) return controller.enqueue(piece as Uint8Array<ArrayBuffer>)
        watchers.leave(watcher)
        controller.close()
      },
      cancel: () => {
        isCancelled = true
        watchers.leave(watcher)
      },
    },
    { highWaterMark: 0 },
  )
}

const late = new Problem("timeout", "The machine has not answered in time.", { outcome: "rejected" })
/** For a client to take what is on its way. */
const partingSeconds = 10
