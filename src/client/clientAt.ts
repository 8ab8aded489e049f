// How do the calls of a client become requests?

import { checkMillis, checkUrls, isSegment } from "./arguments.ts"
import type { Line } from "./ask.ts"
import type { Clock } from "./Clock.ts"
import { type Call, Cluster } from "./Cluster.ts"
import { Failure } from "./Failure.ts"
import { proposeAll, proposeOne, sentOf } from "./proposing.ts"
import { ask, isAnswer, isPage, isState, listRequest, queryRequest, stateRequest } from "./reading.ts"
import { request, routesRequest } from "./requesting.ts"
import type {
  Actors,
  AnyProposal,
  CallOptions,
  Client,
  ClientOptions,
  Freshness,
  InstanceList,
  InstancesQuestion,
  ListQuestion,
  StateQuestion,
  WatchQuestion,
} from "./shapes.ts"
import { watch } from "./watching.ts"

/** A client whose time and chance are these. Throws a TypeError when a URL or an option is none. */
export const clientAt = <All extends Actors>(
  clock: Clock,
  urls: string | ReadonlyArray<string>,
  options: ClientOptions,
): Client<All> => {
  const { timeoutMillis: millisDefault = timeoutMillisDefault, token, discover = true } = options
  checkMillis(millisDefault, "timeoutMillis")
  const line: Line = {
    // Looked up each time: who puts another one in its place means it.
    fetch: options.fetch ?? ((request) => globalThis.fetch(request)),
    token: async () => (typeof token === "function" ? await token() : (token ?? null)),
    clock,
    isNode: (origin) => cluster.nodes.has(origin),
  }
  const cluster = new Cluster(checkUrls(urls), line, discover)

  /** `body` may begin the time of more than one call; all of them end with the signal. */
  const during = async <A>(
    { timeoutMillis = millisDefault, signal }: CallOptions,
    body: (callTo: (places: ReadonlyArray<string>, learns: boolean) => Call) => Promise<A>,
  ): Promise<A> => {
    checkMillis(timeoutMillis, "timeoutMillis")
    const link = cluster.link(signal)
    try {
      return await body((places, learns) => ({
        deadline: clock.now() + timeoutMillis,
        signal: link.signal,
        places,
        learns,
      }))
    } finally {
      link.release()
    }
  }

  const list = (question: ListQuestion<string>): Promise<InstanceList> =>
    during(question, (callTo) => {
      const asked = listRequest(question)
      return ask<InstanceList>(cluster, asked, isPage, callTo([question.actor], false))
    })

  const anyClient: Client = {
    propose: (proposal) =>
      during(proposal, async (callTo) => {
        const sent = sentOf(proposal)
        const outcome = await proposeOne(cluster, sent, callTo(placesOf(sent), isSegment(sent.key)))
        if (outcome instanceof Failure) throw outcome
        return outcome as never
      }),
    proposeMany: (proposals: ReadonlyArray<AnyProposal>, options = {}) =>
      during(options, async (callTo) => {
        const sent = proposals.map(sentOf)
        const places = proposals.slice(0, 1).map(({ actor }) => actor)
        return (await proposeAll(cluster, sent, () => callTo(places, false))) as never
      }),
    read: (question) =>
      during(question, (callTo) => {
        const asked = queryRequest(question)
        return ask(cluster, asked, isAnswer, callTo(freshPlaces(cluster, question), true))
      }),
    state: (question: StateQuestion<string>) =>
      during(question, (callTo) => {
        const asked = stateRequest(question)
        return ask(cluster, asked, isState, callTo(freshPlaces(cluster, question), true))
      }),
    list,
    async *instances(question: InstancesQuestion<string>) {
      for (let page = { ...question, limit: pageMax }; ; ) {
        const { instances, next } = await list(page)
        yield* instances
        if (next === null) return
        page = { ...page, after: next }
      }
    },
    request: (path, given = {}) =>
      during(given, (callTo) => request(cluster, routesRequest(path, given), callTo([], false))),
    watch: (question: WatchQuestion<string>) => watch(cluster, question),
    close: () => cluster.close(),
  }
  return anyClient as unknown as Client<All>
}

/** Of which it may be known who leads there. All of an actor are mostly in one group. */
const placesOf = ({
  actor,
  key,
}: {
  readonly actor: string
  readonly key: string
}): ReadonlyArray<string> => [`${actor}/${key}`, actor]

/** Any node has its own state at hand: none is asked more often than another. */
const freshPlaces = (
  cluster: Cluster,
  question: Freshness & { readonly actor: string; readonly key: string },
): ReadonlyArray<string> => {
  if (question.consistency !== "local") return placesOf(question)
  cluster.nodes.turn()
  return []
}

const timeoutMillisDefault = 10_000
/** As many as a node gives at once. */
const pageMax = 1000
