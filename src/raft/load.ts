// With what does a group begin? With what the disk holds of it: its log, and how far its state is.

import { Clock, Effect, Random } from "effect"
import { ConfigurationHistory } from "../consensus/ConfigurationHistory.ts"
import { sharedConfiguration } from "../consensus/configuration.ts"
import { Log } from "../consensus/Log.ts"
import { makeNode } from "../consensus/node.ts"
import { MachineHost } from "../machine/MachineHost.ts"
import { LogStore } from "../storage/LogStore.ts"
import { SnapshotStore } from "../storage/SnapshotStore.ts"
import type { StatePosition } from "../storage/StateStore.ts"
import { Transport } from "../transport/Transport.ts"
import { type Group, type Mail, nowOf } from "./Group.ts"
import { Mailbox } from "./Mailbox.ts"
import type { Observer } from "./observer.ts"
import type { RaftOptions } from "./options.ts"
import type { Partings } from "./Partings.ts"
import { Rest } from "./Rest.ts"

/** As a follower, with nothing said before. */
export const loadGroup = Effect.fnUntraced(function* (
  options: RaftOptions,
  observer: Observer,
  partings: Partings,
) {
  const log = yield* LogStore
  const machine = yield* MachineHost
  const clock = yield* Clock.Clock
  const load = (state: StatePosition) =>
    log.load({
      group: options.group,
      initial: options.initial,
      stateIndex: state.index,
      stateTerm: state.term,
      stateConfiguration: state.configuration,
      tailBytesMax: options.limits.cacheBytesMax,
      ...(options.founded === undefined ? {} : { founded: options.founded }),
    })
  const outrunAtLoad = log.outran()
  let position = yield* machine.position
  let loaded = yield* load(position)
  const { pendingInstall } = loaded
  if (pendingInstall !== null) {
    // The node stopped between log and state: the state follows now (HAZARDS N2). A log that came back shorter may
    // ask for one that the state has left behind; its file is gone, and state never goes back (N5).
    if (pendingInstall.index > position.index) yield* machine.install(pendingInstall.snapshotId)
    yield* log.installed(options.group)
    position = yield* machine.position
    // It may have arrived, and been lost since: then the log that rests on it is of no use either (S5).
    loaded = yield* load(position)
  }
  if (loaded.standing === "suspect")
    observer.event("the log is damaged: waiting for repair", { reason: loaded.suspicion }, "warn")
  const node = makeNode({
    group: options.group,
    id: options.id,
    limits: options.limits,
    now: nowOf(clock),
    hardState: loaded.hardState,
    standing: loaded.standing,
    log: new Log(loaded),
    configurations: new ConfigurationHistory(
      { index: loaded.base.index, configuration: sharedConfiguration(loaded.baseConfiguration) },
      loaded.configurations.map((each) => ({
        ...each,
        configuration: sharedConfiguration(each.configuration),
      })),
    ),
    appliedIndex: position.index,
    lastTime: Math.max(position.time, loaded.tail.at(-1)?.time ?? 0),
    pendingInstall: null,
    // Its own log would lead it there again.
    stateFrom: partings.current?.reason === "stuck" ? partings.current.index : 0,
  })
  const mailbox = new Mailbox<Mail>()
  const transport = yield* Transport
  const group: Group = {
    options,
    node,
    mailbox,
    log,
    outrunAtLoad,
    snapshots: yield* SnapshotStore,
    machine,
    transport,
    observer,
    clock,
    random: yield* Random.Random,
    partings,
    rest: new Rest({
      options,
      node,
      transport,
      clock,
      now: () => nowOf(clock),
      post: (input) => void mailbox.offer(input),
    }),
    replicators: new Map(),
  }
  if (position.index === 0) partings.lacking(group, machine.lost)
  return group
})
