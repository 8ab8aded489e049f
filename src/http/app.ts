// Which request goes where? The hono app: one table of routes, and one place where every answer leaves.

import { type Context, Hono } from "hono"
import type { BundleSource } from "../machine/bundleApart.ts"
import type { RoutesService } from "../machine/routes/Routes.ts"
import type { Metrics } from "../metrics/Metrics.ts"
import { listActors, planVersion, repairInstance } from "./actors.ts"
import { adminCluster, adminNode, adminSnapshot, makeHealthz, makeReadyz } from "./admin.ts"
import { Backups } from "./Backups.ts"
import { Bodies, type BodyLimits, defaultBodyLimits } from "./Bodies.ts"
import { Doors, type DoorsOfGroups, jsonResponse, type NodeInfo } from "./Doors.ts"
import { registerGauges } from "./gauges.ts"
import { closeGroup, type Founding, listGroups, openGroups } from "./groups.ts"
import { adminLog } from "./log.ts"
import { addMember, promoteMember, removeMember, replaceMember, setMembers } from "./members.ts"
import { mountedMethods, serveMounted } from "./mount.ts"
import { openApiText } from "./openapi.ts"
import { farIn, passOn } from "./passing.ts"
import { answerPeer } from "./peerAsks.ts"
import { Problem, problemResponse, problemTable } from "./problem.ts"
import { propose, proposeMany } from "./propose.ts"
import { readList, readQuery, readState } from "./read.ts"
import { rebalance } from "./rebalance.ts"
import { resetMajority } from "./reset.ts"
import { registerRoutesMetrics } from "./routesMetrics.ts"
import { listShards, splitShard } from "./shards.ts"
import { activateVersion, rollBackVersion } from "./switching.ts"
import { parseQuery, rawPath } from "./target.ts"
import { transferLeadership } from "./transfer.ts"
import { uploadVersion } from "./uploading.ts"
import { defaultWatchLimits, type WatchLimits } from "./Watchers.ts"
import { WatchersOfGroups } from "./WatchersOfGroups.ts"
import { type SetIdleSeconds, watch } from "./watch.ts"

export interface AppOptions {
  readonly node: NodeInfo
  readonly doors: DoorsOfGroups
  /** With whom groups begin; absent: none can be opened. */
  readonly founding?: Founding
  /** Where the app counts, and what `/metrics` shows. */
  readonly metrics: Metrics
  readonly limits?: Partial<BodyLimits>
  readonly watching?: Partial<WatchLimits>
  /** For a server that ends connections on which nothing moves. */
  readonly setIdleSeconds?: SetIdleSeconds
  /** Has actors answer requests themselves; absent: none does. */
  readonly mounted?: RoutesService
  /** Makes modules of uploaded sources; by default in a process of its own. */
  readonly bundle?: BundleSource
  /** Why the node makes no progress although it answers, as far as other rooms know; null when it does. */
  readonly wedged?: () => string | null
  /** Told of defects in our own code, and of nothing that a client did. */
  readonly defect: (message: string, cause: unknown) => void
}

/** The app, and what its server needs to end it well. */
export interface App {
  readonly fetch: (request: Request) => Response | Promise<Response>
  /** The same for what runs within this node: also while it is drained, and of what clients propose and read alone. */
  readonly fetchInside: (request: Request) => Response | Promise<Response>
  /** From now on every request is answered `shutting-down`; watchers come to their end, others are not disturbed. */
  readonly drain: () => void
  /** `METHOD /path` of every route, as the OpenAPI document has them. */
  readonly routes: ReadonlyArray<string>
}

type Handler = (request: Request, segments: ReadonlyArray<string>) => Response | Promise<Response>

interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** With `:name` for a segment that varies. */
  readonly path: string
  readonly handle: Handler
}

export const makeApp = (options: AppOptions): App => {
  const limits = { ...defaultBodyLimits, ...options.limits }
  const doors = new Doors(options.node, options.doors)
  const bodies = new Bodies(limits)
  const backups = new Backups(doors)
  const { metrics, mounted = null } = options
  const requests = metrics.counter("raftlet_http_requests_total", "Answers by route and status.", [
    "route",
    "status",
  ])
  const proposals = metrics.counter("raftlet_proposals_total", "Proposals by outcome.", ["outcome"])
  const watchers = new WatchersOfGroups(doors, metrics, { ...defaultWatchLimits, ...options.watching })
  const freshen = registerGauges(metrics, options.node, { doors, bodies })
  const healthz = makeHealthz(doors, options.wedged ?? (() => null))
  const readyz = makeReadyz(doors)
  const proposing = { doors, bodies, commandBytesMax: limits.bodyBytesMax, proposals }
  const grouping = {
    doors,
    bodies,
    founding: options.founding ?? (async () => "This node founds no groups."),
  }
  const deploying = { ...grouping, bundle: options.bundle }
  const mounting = { doors, bodies, service: mounted, requests: registerRoutesMetrics(metrics, mounted) }
  let draining = false
  /** Requests of what runs within this node: it finishes what it has begun. */
  const inside = new WeakSet<Request>()

  const routes: ReadonlyArray<Route> = [
    {
      method: "POST",
      path: "/propose/:actor/:key/:command",
      handle: (request, segments) => propose(proposing, request, segments),
    },
    { method: "POST", path: "/propose", handle: (request) => proposeMany(proposing, request) },
    {
      method: "GET",
      path: "/read/:actor/:key/:query",
      handle: (request, segments) => readQuery(doors, bodies, request, segments),
    },
    {
      method: "POST",
      path: "/read/:actor/:key/:query",
      handle: (request, segments) => readQuery(doors, bodies, request, segments),
    },
    {
      method: "GET",
      path: "/read/:actor/:key",
      handle: (request, segments) => readState(doors, request, segments),
    },
    {
      method: "GET",
      path: "/read/:actor",
      handle: (request, segments) => readList(doors, request, segments),
    },
    {
      method: "GET",
      path: "/watch/:actor/:key",
      handle: (request, segments) => {
        // It changes nothing, but a page could take the place of all who watch.
        refuseForeignPage(request)
        const { setIdleSeconds = () => {} } = options
        return watch(grouping, (door) => watchers.of(door), setIdleSeconds, request, segments)
      },
    },
    { method: "GET", path: "/admin/node", handle: (request) => adminNode(doors, mounted, request) },
    { method: "GET", path: "/admin/cluster", handle: (request) => adminCluster(doors, request) },
    { method: "GET", path: "/admin/groups", handle: (request) => listGroups(grouping, request) },
    { method: "POST", path: "/admin/groups", handle: (request) => openGroups(grouping, request) },
    {
      method: "DELETE",
      path: "/admin/groups/:group",
      handle: (request, segments) => closeGroup(grouping, request, segments),
    },
    {
      method: "POST",
      path: "/admin/groups/:group/ask",
      handle: (request, segments) => answerPeer(grouping, request, segments),
    },
    { method: "GET", path: "/admin/shards", handle: (request) => listShards(grouping, request) },
    { method: "POST", path: "/admin/shards/split", handle: (request) => splitShard(grouping, request) },
    { method: "POST", path: "/admin/rebalance", handle: (request) => rebalance(grouping, request) },
    { method: "GET", path: "/admin/log", handle: (request) => adminLog(doors, request) },
    {
      method: "POST",
      path: "/admin/snapshot",
      handle: async (request) => {
        await refuseBody(bodies, request)
        return adminSnapshot(doors, request)
      },
    },
    { method: "POST", path: "/admin/members", handle: (request) => addMember(proposing, request) },
    { method: "PUT", path: "/admin/members", handle: (request) => setMembers(proposing, request) },
    {
      method: "DELETE",
      path: "/admin/members/:id",
      handle: (request, segments) => removeMember(proposing, request, segments),
    },
    {
      method: "POST",
      path: "/admin/members/:id/promote",
      handle: (request, segments) => promoteMember(proposing, request, segments),
    },
    {
      method: "POST",
      path: "/admin/members/:id/replace",
      handle: (request, segments) => replaceMember(proposing, request, segments),
    },
    { method: "GET", path: "/admin/actors", handle: (request) => listActors(deploying, request) },
    {
      method: "POST",
      path: "/admin/actors/:name/versions",
      handle: (request, segments) => uploadVersion(deploying, request, segments),
    },
    {
      method: "POST",
      path: "/admin/actors/:name/plan",
      handle: (request, segments) => planVersion(deploying, request, segments),
    },
    {
      method: "POST",
      path: "/admin/actors/:name/activate",
      handle: (request, segments) => activateVersion(deploying, request, segments),
    },
    {
      method: "POST",
      path: "/admin/actors/:name/rollback",
      handle: (request, segments) => rollBackVersion(deploying, request, segments),
    },
    {
      method: "POST",
      path: "/admin/actors/:name/instances/:key/repair",
      handle: (request, segments) => repairInstance(deploying, request, segments),
    },
    { method: "POST", path: "/admin/reset", handle: (request) => resetMajority(proposing, request) },
    { method: "POST", path: "/admin/transfer", handle: (request) => transferLeadership(proposing, request) },
    {
      method: "GET",
      path: "/admin/backup",
      handle: (request) => {
        // It changes nothing, but a page could have the disk busy with copies.
        refuseForeignPage(request)
        return backups.answer(request)
      },
    },
    {
      method: "GET",
      path: "/healthz",
      handle: () => healthz(),
    },
    { method: "GET", path: "/readyz", handle: readyz },
    {
      method: "GET",
      path: "/metrics",
      handle: async (request) => {
        parseQuery(request, [])
        await freshen()
        return new Response(metrics.text(), {
          headers: { ...doors.headers(doors.find(undefined)), "Content-Type": "text/plain; version=0.0.4" },
        })
      },
    },
    {
      method: "GET",
      path: "/openapi.json",
      handle: () =>
        jsonResponse(openApiText(options.node.version, limits), doors.headers(doors.find(undefined))),
    },
  ]

  /** Every answer leaves here: with the headers that all have, counted, and never as an exception. */
  const answer = async (request: Request, route: string, respond: () => Response | Promise<Response>) => {
    let response: Response
    try {
      if (draining && !inside.has(request))
        throw new Problem("shutting-down", "The node is shutting down.", { headers: closing })
      if (request.method !== "GET" && request.method !== "HEAD") refuseForeignPage(request)
      // Not awaited when it is there already: a turn of the event loop is not free. What a query says to an actor's routes is
      // theirs alone.
      const far = route === mount ? undefined : farIn(doors, request)
      const pending = far === undefined ? respond() : passOn(grouping, far, request)
      response = pending instanceof Promise ? await pending : pending
    } catch (cause) {
      const problem = cause instanceof Problem ? cause : defectProblem(options, route, cause)
      response = problemResponse(problem, doors.headers(doors.find(undefined)))
    }
    requests.add(1, route, String(response.status))
    return response
  }

  // The raw path: hono would decode it, and a key would no longer be what its client wrote.
  const app = new Hono({ getPath: rawPath })
  for (const { method, path, handle } of routes) {
    // Where the variable segments begin: what is fixed behind them does no harm.
    const from = path.split("/").findIndex((segment) => segment.startsWith(":"))
    app.on(method, path, ({ req }: Context) =>
      answer(req.raw, path, () => handle(req.raw, from === -1 ? none : req.path.split("/").slice(from))),
    )
  }
  for (const path of ["/x/:actor", "/x/:actor/*"]) {
    app.all(path, ({ req }: Context) => answer(req.raw, mount, () => serveMounted(mounting, req.raw)))
  }
  // Not even the headers could be made: only broken code comes here.
  app.onError((cause) => problemResponse(defectProblem(options, "any route", cause), {}))
  app.notFound(({ req }) => answer(req.raw, "none", () => noRoute(routes, req.raw.method, req.path)))

  return {
    fetch: (request) => app.fetch(request),
    fetchInside: (request) => {
      if (!insideOf.test(rawPath(request))) {
        return problemResponse(new Problem("forbidden", "This is not asked from within a node."), {})
      }
      inside.add(request)
      return app.fetch(request)
    },
    drain: () => {
      draining = true
      watchers.close()
    },
    routes: [
      ...routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`),
      ...mountedMethods.map((method) => `${method} ${mount}`),
    ],
  }
}

/** Nothing stands at this path, or not with this method, or a part of it is empty. */
const noRoute = (routes: ReadonlyArray<Route>, method: string, path: string): Response => {
  const allowed = routes
    .filter((route) => pattern(route.path, "[^/]+").test(path))
    .map(({ method }) => method)
  if (allowed.length === 0) {
    if (routes.some((route) => pattern(route.path, "[^/]*").test(path))) {
      throw new Problem("bad-request", "A part of the path is empty.")
    }
    throw new Problem("not-found", "There is nothing at this path.")
  }
  const allow = [...allowed, ...(allowed.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ")
  if (method === "OPTIONS") return new Response(null, { status: 204, headers: { Allow: allow } })
  throw new Problem("method-not-allowed", `Allowed here: ${allow}.`, { headers: { Allow: allow } })
}

const pattern = (path: string, segment: string): RegExp =>
  new RegExp(`^${path.replaceAll(".", "\\.").replace(/:\w+/g, segment)}$`)

/**
 * A node on loopback trusts whoever can reach it, and every page that the user's browser has open can. The
 * browser says whose page it was; other clients say nothing.
 */
const refuseForeignPage = (request: Request): void => {
  const site = request.headers.get("sec-fetch-site")
  if (site !== null && site !== "same-origin" && site !== "none") {
    throw new Problem("forbidden", "A page of another origin may not do this.")
  }
}

const refuseBody = async (bodies: Bodies, request: Request): Promise<void> => {
  const body = await bodies.json(request)
  const empty = typeof body === "object" && body !== null && Object.keys(body).length === 0
  if (body !== undefined && body !== null && !empty) {
    throw new Problem("bad-request", "This route takes no body.")
  }
}

const defectProblem = (options: AppOptions, route: string, cause: unknown): Problem => {
  options.defect(`a defect while answering ${route}`, cause)
  return new Problem("internal", problemTable.internal.title)
}

const mount = "/x/{actor}/{path}"
/** What the typed client asks for. */
const insideOf = /^\/(?:propose|read|watch)(?:\/|$)|^\/admin\/cluster$/
const closing = { Connection: "close" }
const none: ReadonlyArray<string> = []
