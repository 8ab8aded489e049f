// Where does the app meet the network?

import { Context, Effect, Layer, Schema, type Scope } from "effect"
import { Groups, type RunningGroup } from "../groups/Groups.ts"
import type { RoutesService } from "../machine/routes/Routes.ts"
import type { Metrics } from "../metrics/Metrics.ts"
import { makeApp } from "./app.ts"
import type { BodyLimits } from "./Bodies.ts"
import type { Door, DoorsOfGroups, NodeInfo } from "./Doors.ts"
import type { Founding } from "./groups.ts"
import { type Offered, Offering } from "./Offering.ts"
import { Problem, problemResponse } from "./problem.ts"
import { isDisguised } from "./target.ts"

/** The address cannot be listened on: in use, not ours, or not safe. */
export class ListenRefused extends Schema.TaggedError<ListenRefused>()("ListenRefused", {
  address: Schema.String,
  message: Schema.String,
}) {}

export interface ServerOptions {
  readonly listen: { readonly host: string; readonly port: number }
  /** Listen beyond loopback although nobody is asked who they are. */
  readonly insecure: boolean
  readonly node: Omit<NodeInfo, "listen">
  readonly metrics: Metrics
  readonly limits?: Partial<BodyLimits>
  readonly wedged?: () => string | null
  readonly founding: Founding
  /** Has actors answer requests themselves. `serve`: the doors of this very node; they end with the scope. */
  readonly openRoutes?: (
    groups: Groups["Service"],
    serve: (request: Request) => Effect.Effect<Response, unknown>,
  ) => Effect.Effect<RoutesService, never, Scope.Scope>
}

/** The running HTTP server. It ends with its scope: requests under way are answered first. */
export class HttpServer extends Context.Service<
  HttpServer,
  {
    /** `http://host:port`, with the port that was really taken. */
    readonly url: string
    readonly port: number
  }
>()("raftlet/http/HttpServer") {}

// Longer than any request may wait (Raftlet-Timeout-Ms), or Bun would cut it off in silence.
const idleSeconds = 75
const drainMillisMax = 3000
const partingMillis = 100
/** What was answered at the last moment has to get out, on a busy machine too. Only who hangs otherwise is cut off. */
const lastAnswersMillisMax = 2000

export const layerServer = (options: ServerOptions): Layer.Layer<HttpServer, ListenRefused, Groups> =>
  Layer.effect(
    HttpServer,
    Effect.gen(function* () {
      const groups = yield* Groups
      const context = yield* Effect.context<never>()
      yield* refuseOpenAddress(options)
      const { host } = options.listen
      const defect = (message: string, cause: unknown): void => {
        Effect.runForkWith(context)(Effect.logError(message, cause))
      }
      // The port is known only when it is taken, and the app wants it for what it says about itself.
      const node: NodeInfo = {
        ...options.node,
        get listen() {
          return server.url
        },
      }
      const offering = new Offering(groups, node.id, options.founding)
      // The doors are there before anybody comes.
      const serve = (request: Request): Effect.Effect<Response, unknown> =>
        Effect.tryPromise(async () => app.fetchInside(request))
      const mounted = yield* options.openRoutes?.(groups, serve) ?? Effect.succeed(undefined)
      const app = makeApp({
        ...options,
        node,
        doors: doorsOf(groups, offering),
        ...(mounted === undefined ? {} : { mounted }),
        setIdleSeconds: (request, seconds) => bun.timeout(request, seconds),
        defect,
      })
      yield* Effect.forkScoped(
        offering.life((offered) => void Effect.runForkWith(context)(noteOffered(offered))),
      )
      const undisguised = (request: Bun.BunRequest<string>) =>
        isDisguised(request.params, request) ? problemResponse(disguised, {}) : app.fetch(request)
      const bun = yield* Effect.acquireRelease(
        Effect.try({
          try: () =>
            Bun.serve({
              hostname: host,
              port: options.listen.port,
              idleTimeout: idleSeconds,
              // The app has its own bounds, and answers them with a problem; Bun's answer would be empty.
              maxRequestBodySize: Number.MAX_SAFE_INTEGER,
              development: false,
              // Said aloud: with `development: false` alone, Bun 1.4.5 lets a second process share the port.
              reusePort: false,
              routes: {
                "/:first/:second/:third/*": undisguised,
                "/:first/:second/:third": undisguised,
                "/:first/:second/*": undisguised,
                "/:first/*": undisguised,
              },
              fetch: (request) => app.fetch(request),
              error: (cause) => {
                defect("a defect outside of any route", cause)
                return problemResponse(new Problem("internal", "The node failed to answer."), {})
              },
            }),
          catch: (cause) =>
            new ListenRefused({
              address: `${host}:${options.listen.port}`,
              message: `cannot listen on ${host}:${options.listen.port}: ${reasonOf(cause)}`,
            }),
        }),
        (bun) =>
          Effect.gen(function* () {
            app.drain()
            // A client that writes on an idle connection while that is closed learns nothing but the reset. So
            // those at work are told first, and told to close.
            yield* Effect.sleep(partingMillis)
            const drained = bun.stop(false)
            yield* Effect.promise(() => drained).pipe(Effect.timeoutOption(drainMillisMax))
            // Without a majority there is nothing to wait for: who waited until now learns that it is unknown.
            yield* groups.answerAll
            offering.giveUp()
            yield* Effect.promise(() => drained).pipe(Effect.timeoutOption(lastAnswersMillisMax))
            yield* Effect.promise(() => bun.stop(true))
          }),
      )
      const server = { url: `http://${bracketed(host)}:${bun.port}`, port: bun.port ?? options.listen.port }
      return HttpServer.of(server)
    }),
  )

const disguised = new Problem("bad-request", "The path leads elsewhere than it seems to.")

/** A group that runs is a door; that of `main` knows what becomes of the node's own actors. */
const doorsOf = (groups: Groups["Service"], offering: Offering): DoorsOfGroups => {
  const main: Door = { ...groups.main, offering }
  const doorOf = (group: RunningGroup): Door => (group === groups.main ? main : group)
  return {
    get: (name) => {
      const group = groups.find(name)
      return group === undefined ? undefined : doorOf(group)
    },
    values: () => groups.all().map(doorOf).values(),
    isOpen: groups.isOpen,
    directory: groups.directory,
    seatingOf: groups.seatingOf,
    placementOf: groups.placementOf,
    placeOf: groups.placeOf,
    look: () => Effect.runPromise(groups.look),
  }
}

/** What an operator must know of: that a file is not what runs. */
const noteOffered = ({ actor, version, status, reason }: Offered): Effect.Effect<void> => {
  const what = Effect.annotateLogs({ actor, version })
  if (reason !== null)
    return what(Effect.logWarning(`the actors directory holds what does not run: ${reason}`))
  return status === "earlier"
    ? what(Effect.logWarning("the actors directory holds an earlier version than the active one"))
    : what(Effect.logInfo(status === "activated" ? "an actor is switched on" : "an actor is active"))
}

const refuseOpenAddress = ({ listen, insecure }: ServerOptions): Effect.Effect<void, ListenRefused> =>
  insecure || isLoopback(listen.host)
    ? Effect.void
    : Effect.fail(
        new ListenRefused({
          address: `${listen.host}:${listen.port}`,
          message:
            `will not listen on ${listen.host}:${listen.port}: without tokens a node serves loopback only, ` +
            "such as 127.0.0.1; --insecure serves everyone who can reach it",
        }),
      )

/** Whether only this machine can reach the host. A name that is not `localhost` could be anything. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host)

const bracketed = (host: string): string => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host)

const reasonOf = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  if (code === "EADDRINUSE") return "the port is in use"
  if (code === "EADDRNOTAVAIL") return "this machine does not have the address"
  if (code === "EACCES") return "this user may not take the port"
  return cause instanceof Error ? cause.message : String(cause)
}
