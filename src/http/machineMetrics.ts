// What can be counted of the machines behind the doors? They must be asked before somebody scrapes.

import { Effect, Option } from "effect"
import type { GroupId } from "../consensus/types.ts"
import type { MachineStatus } from "../machine/MachineHost.ts"
import type { Metrics } from "../metrics/Metrics.ts"
import type { Door, Doors } from "./Doors.ts"
import { fewAtOnce, groupsAtOnce } from "./fewAtOnce.ts"
import { groupsListedMax } from "./groupTotals.ts"

/** Gives how to freshen the gauges. A machine that does not answer is missing from the scrape; the scrape goes on. */
export const registerMachineMetrics = (metrics: Metrics, doors: Doors): (() => Promise<void>) => {
  let known: ReadonlyArray<{ readonly group: GroupId; readonly status: MachineStatus }> = []
  const perMachine = (
    name: string,
    help: string,
    value: (status: MachineStatus) => number,
    type: "gauge" | "counter" = "gauge",
  ) =>
    metrics.gauge(
      name,
      help,
      ["group"],
      () => known.map(({ group, status }) => ({ labels: [group], value: value(status) })),
      type,
    )
  const perActor = (name: string, help: string, value: (actor: ActorOfStatus) => number) =>
    metrics.gauge(name, help, ["group", "actor"], () =>
      known.flatMap(({ group, status }) =>
        status.actors.map((actor) => ({ labels: [group, actor.name], value: value(actor) })),
      ),
    )

  const total = (name: string, help: string, value: (status: MachineStatus) => number) =>
    metrics.gauge(name, help, [], () => [
      { labels: [], value: known.reduce((sum, { status }) => sum + value(status), 0) },
    ])

  metrics.gauge(
    "raftlet_groups_machines_answering",
    "Groups whose machine has answered this scrape.",
    [],
    () => [{ labels: [], value: known.length }],
  )
  total(
    "raftlet_groups_instances_in_memory",
    "Instances held in memory, in all of them.",
    (s) => s.instancesInMemory,
  )
  total("raftlet_groups_quarantined", "Instances in quarantine, in all of them.", (s) => s.quarantined)
  total("raftlet_groups_stuck", "Of them, those that cannot get past an entry.", (s) =>
    s.stuck === null ? 0 : 1,
  )
  perMachine("raftlet_instances_in_memory", "Instances held in memory.", (s) => s.instancesInMemory)
  perMachine("raftlet_outcomes", "Outcomes kept for idempotency keys.", (s) => s.outcomes)
  perMachine("raftlet_timers", "Timers that wait for their time.", (s) => s.timers)
  perMachine("raftlet_instances_dirty", "Instances that wait to be flushed.", (s) => s.dirty)
  perMachine(
    "raftlet_commands_voided_total",
    "Commands in the log that a majority could not execute and that were given up, since the state was opened.",
    (s) => s.voided,
    "counter",
  )
  perActor(
    "raftlet_instances_quarantined",
    "Instances of the actor that take no commands until they are repaired.",
    ({ quarantined }) => quarantined,
  )
  perActor(
    "raftlet_actor_suspended",
    "1 while no instance of the actor takes a command of the active version.",
    ({ isSuspended }) => (isSuspended ? 1 : 0),
  )
  metrics.gauge(
    "raftlet_actor_version_info",
    "1 for the version of the actor that is active on this node; number: what its author counts it as.",
    ["group", "actor", "version", "number"],
    () =>
      known.flatMap(({ group, status }) =>
        status.actors.map(({ name, version, declared }) => ({
          labels: [group, name, version, String(declared)],
          value: 1,
        })),
      ),
  )
  return async () => {
    const until = performance.now() + allMillisMax
    const asked = doors.all().slice(0, groupsListedMax)
    const statuses = await fewAtOnce(asked, groupsAtOnce, async ({ raft, machine }) => {
      const millis = Math.min(machineMillisMax, until - performance.now())
      const status = millis <= 0 ? Option.none() : await Effect.runPromise(statusWithin(machine, millis))
      return Option.toArray(status).map((status) => ({ group: raft.group, status }))
    })
    known = statuses.flat()
  }
}

const statusWithin = (
  machine: Door["machine"],
  millis: number,
): Effect.Effect<Option.Option<MachineStatus>> =>
  machine.status.pipe(Effect.timeoutOption(millis), Effect.orElseSucceed(Option.none))

/** For one machine, and for all of them: a scrape is not to wait for a hundred that hang. */
const machineMillisMax = 500
const allMillisMax = 1000

type ActorOfStatus = MachineStatus["actors"][number]
