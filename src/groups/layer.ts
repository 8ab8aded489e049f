// What makes a node run more than one group? Its `main`, and a life that follows the directory that `main` holds.

import { Context, Deferred, Effect, Layer, type Scope } from "effect"
import type { GroupId, NodeId } from "../consensus/types.ts"
import { Leading } from "../machine/leading/Leading.ts"
import { MachineHost } from "../machine/MachineHost.ts"
import type { GroupStopped } from "../raft/Raft.ts"
import { Raft } from "../raft/Raft.ts"
import { Signal } from "../raft/Signal.ts"
import { LogStore } from "../storage/LogStore.ts"
import { Transport } from "../transport/Transport.ts"
import { Directory } from "./Directory.ts"
import { follower } from "./follower.ts"
import { Groups, type RunningGroup } from "./Groups.ts"
import { Hosting, type HostingOptions } from "./Hosting.ts"
import { mover } from "./mover.ts"
import { rebalancer } from "./rebalancer.ts"
import { seater } from "./seater.ts"
import { zoneTeller } from "./zoneTeller.ts"

/** How often the directory is looked at, at the most. */
const LOOK_MILLIS = 100
/** Longer than a pulse that comes late. */
const HEARD_MILLIS = 1000
/** Of a `main` that cannot be asked: its state is in repair, most likely. */
const RETRY_MILLIS = 1000

/** All groups of a node whose `main` runs already. The others are opened soon, and end with the scope. */
export const layerGroups = (options: HostingOptions) =>
  Layer.effect(
    Groups,
    Effect.gen(function* () {
      const main: RunningGroup = {
        raft: yield* Raft,
        machine: yield* MachineHost,
        leading: yield* Leading,
      }
      const services = yield* Effect.context<LogStore | Transport | Scope.Scope>()
      const hosting = new Hosting(options, services)
      const failed = yield* Deferred.make<never, GroupStopped>()
      const directory = new Directory(main.machine, hosting)
      yield* follow(main, directory).pipe(
        Effect.catch((reason) => Deferred.fail(failed, reason)),
        Effect.forkScoped,
      )
      const all = () => [main, ...hosting.all]
      const { unrest } = options.raft
      const transport = yield* Transport
      const isHeard = (peer: NodeId): boolean => {
        const pulse = transport.pulse(peer)
        return pulse !== null && main.raft.now() - pulse.heardAt < HEARD_MILLIS
      }
      const isThere = (id: NodeId) => id === options.id || isHeard(id)
      const leaders = () => directory.leaders(main.raft.glance().committed)
      yield* Effect.forkScoped(
        rebalancer({ main, all, leaders, isThere, observer: options.observer, unrest }),
      )
      const find = (group: GroupId) => (group === main.raft.group ? main : hosting.find(group))
      const { observer } = options
      const giverOf = (actor: string) => directory.placeOf(actor)?.move?.from ?? null
      yield* Effect.forkScoped(
        mover({ main, find, moving: () => directory.moving, moves: directory.moves, giverOf, observer }),
      )
      const log = Context.get(services, LogStore)
      const incarnations = Effect.orElseSucceed(log.incarnations, () => new Map<NodeId, string>()).pipe(
        Effect.map((known) => new Map([...known, [options.id, options.incarnation]])),
      )
      yield* Effect.forkScoped(
        follower(main, () => hosting.all, directory, { incarnations, isHeard: isThere }, unrest),
      )
      yield* Effect.forkScoped(seater({ main, directory, incarnations, observer }))
      yield* Effect.forkScoped(zoneTeller(main, options.zone ?? null, () => directory.zones))
      const ofAll = (end: (group: RunningGroup) => Effect.Effect<void>) =>
        Effect.suspend(() => Effect.forEach(all(), end, { concurrency: "unbounded", discard: true }))
      return Groups.of({
        main,
        find,
        all,
        onChange: (told) => hosting.onChange(told),
        placementOf: (actor) => directory.placementOf(actor),
        placeOf: (actor) => directory.placeOf(actor),
        isOpen: (group) => group === main.raft.group || directory.isOpen(group),
        isHere: (group) => group === main.raft.group || directory.isHere(group, options.id),
        seatingOf: (group) => directory.seatingOf(group) ?? null,
        directory: () => ({
          asOf: directory.asOf,
          awaited: [...directory.open].filter(
            (group) => hosting.find(group) === undefined && directory.isHere(group, options.id),
          ),
          seated: directory.seated,
          zones: directory.zones,
          leaders,
          isThere,
        }),
        look: Effect.asVoid(directory.glance),
        stopped: Effect.raceAllFirst([main.raft.stopped, hosting.stopped, Deferred.await(failed)]),
        handOver: ofAll(({ raft }) => raft.handOver),
        answerAll: ofAll(({ raft }) => raft.answerAll),
      })
    }),
  )

const follow = Effect.fnUntraced(function* (main: RunningGroup, directory: Directory) {
  const news = new Signal()
  news.raise()
  yield* Effect.acquireRelease(
    Effect.sync(() => main.raft.onApplied(() => news.raise())),
    (stop) => Effect.sync(stop),
  )
  while (true) {
    yield* news.raised
    news.lower()
    const isAnswered = yield* directory.look
    if (!isAnswered) news.raise()
    yield* Effect.sleep(isAnswered ? LOOK_MILLIS : RETRY_MILLIS)
  }
})
