// How does a client follow the events of an instance, whichever nodes live?

import type { Json } from "../machine/definition.ts"
import { checkKey, checkMillis, checkName, pathOf } from "./arguments.ts"
import { type Opened, open } from "./ask.ts"
import type { Call, Cluster } from "./Cluster.ts"
import { EventParser, type StreamEvent } from "./eventStream.ts"
import { Failure } from "./Failure.ts"
import { persevere } from "./persevere.ts"
import { Question } from "./Question.ts"
import type { StateAnswer, WatchEvent, WatchQuestion } from "./shapes.ts"
import { late, within } from "./within.ts"

export async function* watch(
  cluster: Cluster,
  question: WatchQuestion<string>,
): AsyncGenerator<WatchEvent, void> {
  const { actor, key, after, timeoutMillis = timeoutMillisDefault, signal } = question
  checkName(actor, "actor")
  checkKey(key)
  checkMillis(timeoutMillis, "timeoutMillis")
  const path = `/watch${pathOf(actor, key)}`
  let cursor = after === undefined ? null : `${after}`
  const link = cluster.link(signal)
  const { clock } = cluster.line
  try {
    for (;;) {
      const call = { deadline: clock.now() + timeoutMillis, signal: link.signal, places: [], learns: false }
      const opened = await begin(cluster, path, cursor, call)
      for await (const { id, event, value } of eventsOf(cluster, opened)) {
        cursor = id ?? cursor
        if (event !== null) yield watchEvent(cursor ?? "", event, value)
      }
      // It has ended, or broken off, or fallen silent: another node goes on.
      link.signal.throwIfAborted()
      await clock.sleep(pauseMillis * (0.5 + clock.random()), link.signal)
      link.signal.throwIfAborted()
    }
  } finally {
    link.release()
  }
}

/** A stream of some node. Throws a {@link Failure}. */
const begin = async (cluster: Cluster, path: string, cursor: string | null, call: Call): Promise<Opened> => {
  const headers = { Accept: "text/event-stream", ...(cursor === null ? {} : { "Last-Event-ID": cursor }) }
  const refusal = new Question<never>(() => false)
  let begun: Opened | Failure | null = null
  cluster.nodes.turn()
  await persevere(cluster, call, async (url, millis) => {
    // Every node serves it alike, and one of them is soon found: none needs to be waited for for long.
    const answer = await open(
      cluster.line,
      url,
      { method: "GET", path, headers },
      Math.min(millis, nodeMillisMax),
      call.signal,
    )
    if ("link" in answer) {
      begun = answer
      cluster.note(url, { type: "told", leader: null })
      return { type: "told", retryAfterMillis: 0, done: true }
    }
    cluster.note(url, answer)
    begun = refusal.hears(answer)
    return { ...answer, done: begun !== null }
  })
  const end = (begun ?? refusal.givenUp()) as Opened | Failure
  if (end instanceof Failure) throw end
  return end
}

/** Until the stream ends, for whatever reason. */
async function* eventsOf(cluster: Cluster, { body, link }: Opened): AsyncGenerator<Heard, void> {
  const parser = new EventParser()
  const reader = body.getReader()
  try {
    for (;;) {
      const read = await within(cluster.line.clock, silenceMillisMax, link.signal, () => reader.read())
      if (read === late || read.done) return
      // All of a piece, or nothing: what is told is never half of what was said.
      yield* parser.feed(read.value).map(heardOf)
    }
  } catch {
    // Cut off on the way, or no stream of events.
  } finally {
    link.release()
    await reader.cancel().catch(() => {})
  }
}

/** A cursor alone has no event. */
interface Heard extends Pick<StreamEvent, "id" | "event"> {
  readonly value: Json
}

const heardOf = ({ id, event, data }: StreamEvent): Heard => ({
  id,
  event,
  value: event === null ? null : (JSON.parse(data) as Json),
})

const watchEvent = (id: string, event: string, value: Json): WatchEvent => {
  if (event !== "reset") return { type: "event", id, event, data: value }
  const { state, revision, index } = value as unknown as StateAnswer<Json>
  return { type: "reset", id, state, revision, index }
}

const timeoutMillisDefault = 60_000
const nodeMillisMax = 5000
/** A node speaks every 15 s. */
const silenceMillisMax = 40_000
const pauseMillis = 100
