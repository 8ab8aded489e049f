// What happens in a run? All of it as data: who takes part, what the clients do, what goes wrong and when.
// A script and the code make the run; a failure is kept as a script.

import type { GroupId, NodeId } from "../consensus/types.ts"
import type { Lane } from "../machine/Executor.ts"
import type { RaftSettings } from "./Cluster.ts"
import type { DiskWeather } from "./diskWeather.ts"
import type { LinkWeather } from "./Link.ts"
import type { ClockOptions } from "./Process.ts"
import type { PlannedSplit } from "./roaming.ts"
import type { Hang, ReleaseName } from "./till.ts"

export interface Script {
  /** All chance that is not in the script: latencies, the order of tasks, what a loss of power spares. */
  readonly seed: number
  readonly voters: ReadonlyArray<NodeId>
  /** Not empty: the configuration is joint from the beginning. */
  readonly outgoing: ReadonlyArray<NodeId>
  readonly learners: ReadonlyArray<NodeId>
  /** Run from the beginning and belong to nobody, until a change takes them in. */
  readonly spares: ReadonlyArray<NodeId>
  /** Who is to lead before others; without it, and of whom it does not speak: 1. */
  readonly priorities?: Readonly<Record<NodeId, number>>
  readonly raft: RaftSettings
  readonly machineCacheBytesMax: number
  readonly machineDirtyInstancesMax: number
  readonly link: LinkWeather
  readonly disk: Pick<DiskWeather, "syncMillisMin" | "syncMillisMax">
  readonly clocks: Readonly<Record<NodeId, ClockOptions>>
  readonly boundaryMillisMax: number
  /** An actor has something to run where the group leads. */
  readonly hasLeading?: boolean
  /** How long a client tries; 1: it takes the first word for the last. Without it: so long that most get through. */
  readonly patienceMillis?: number
  readonly operations: ReadonlyArray<PlannedOperation>
  /** Opened besides `main`; without it none is. */
  readonly groups?: ReadonlyArray<PlannedGroup>
  /** Those never stop ticking. */
  readonly areGroupsRestless?: boolean
  /** Between two of `groups`. */
  readonly split?: PlannedSplit
  /** What an operator asks for. */
  readonly changes: ReadonlyArray<PlannedChange>
  /** Without it no code is brought in. */
  readonly till?: PlannedTill
  readonly faults: ReadonlyArray<Fault>
  /** Then all that was wrong is put right, but for what stays wrong for good. */
  readonly calmAtMillis: number
  /** From `calmAtMillis` on, as far as a majority can do without. */
  readonly forGood: ReadonlyArray<PermanentFault>
  /** At the very end, if it says so. */
  readonly disaster?: PlannedDisaster
}

/** Another group. It has all actors, as `main` has them: instances of its own, under the same names. */
export interface PlannedGroup {
  readonly name: GroupId
  readonly atMillis: number
  /** By how many members it is run, and by which name those are chosen; absent: by all. */
  readonly seating?: { readonly replicas: number; readonly like: GroupId }
  /** Of clients of its own. */
  readonly operations: ReadonlyArray<PlannedOperation>
}

/** One operation of one client, at the earliest at its time and after the client's operation before. */
export interface PlannedOperation {
  readonly atMillis: number
  readonly client: number
  readonly act: Act
}

/** At its time, whatever has become of the one before. `force`: also when it may leave no live majority. */
export type PlannedChange = { readonly atMillis: number } & (
  | { readonly type: "add"; readonly node: NodeId; readonly as: "voter" | "learner" }
  | { readonly type: "remove" | "promote"; readonly node: NodeId }
  | { readonly type: "replace"; readonly node: NodeId; readonly by: NodeId }
  | { readonly type: "set"; readonly voters: ReadonlyArray<NodeId>; readonly learners: ReadonlyArray<NodeId> }
  /** Null: to whoever is furthest. */
  | { readonly type: "transfer"; readonly to: NodeId | null }
)

/** An actor that is brought in while the cluster runs. */
export interface PlannedTill {
  /** Whether its commands are tried before they may enter the log. */
  readonly source: "file" | "upload"
  /** The node where commands hang that hang on one alone, and where the machine may be too busy; null: nowhere. */
  readonly alone: NodeId | null
  readonly deploys: ReadonlyArray<PlannedDeploy>
}

/** At its time, whatever has become of the one before. */
export type PlannedDeploy = { readonly atMillis: number } & (
  | {
      readonly type: "activate"
      readonly release: ReleaseName
      /** The code that is sent is not what its name says. */
      readonly isForged: boolean
      /** What a plan found to be in the way keeps nobody from asking. */
      readonly isForced: boolean
    }
  | { readonly type: "rollback"; readonly isForced: boolean }
  /** Of any instance that is in quarantine then; `state`: by one that holds so much. */
  | { readonly type: "repair"; readonly how: "before" | "rerun" | "state"; readonly total: number }
)

export type Act =
  /** `conditional`: only if the register is as this client last saw it. */
  | { readonly type: "set"; readonly key: string; readonly value: number; readonly conditional: boolean }
  | { readonly type: "add"; readonly key: string; readonly by: number }
  /** All in one request. */
  | { readonly type: "append"; readonly key: string; readonly items: ReadonlyArray<string> }
  | { readonly type: "arm"; readonly key: string; readonly item: string; readonly afterMillis: number }
  | {
      readonly type: "pay"
      readonly key: string
      readonly by: number
      readonly conditional: boolean
    }
  | { readonly type: "refund"; readonly key: string; readonly by: number }
  | { readonly type: "hang"; readonly key: string; readonly how: Hang }
  /** `monotonic`: with the index of this client's last answer as `minIndex`. */
  | {
      readonly type: "read"
      readonly actor: "register" | "counter" | "list" | "till"
      readonly key: string
      readonly consistency: "linearizable" | "lease" | "local"
      readonly monotonic: boolean
      /** For `local`; 0 = any. */
      readonly maxStalenessMillis: number
    }

/** Who is meant, as of the moment when it happens. */
export type Target = NodeId | "leader" | "follower"

export type Ending = "power" | "kill" | "stop"

/** Something goes wrong; most of it for a while. */
export type Fault = {
  readonly atMillis: number
} & (
  | {
      readonly type: "end"
      readonly target: Target
      readonly how: Ending
      readonly forMillis: number
      /** Not at once, but when its log next rests on a snapshot that its state has not taken over yet. */
      readonly inInstall?: boolean
    }
  | { readonly type: "end-all"; readonly how: Ending; readonly forMillis: number }
  /** `afterReading`: not at once, but when it next has read its state for somebody and not answered yet. */
  | {
      readonly type: "pause"
      readonly target: Target
      readonly forMillis: number
      readonly afterReading?: boolean
    }
  | { readonly type: "cut"; readonly cut: Cut; readonly forMillis: number }
  | { readonly type: "weather"; readonly weather: LinkWeather; readonly forMillis: number }
  | { readonly type: "hold"; readonly from: NodeId; readonly to: NodeId; readonly forMillis: number }
  | {
      readonly type: "disk"
      readonly target: Target
      readonly weather: Partial<DiskWeather>
      readonly forMillis: number
      /** Not at once, but when its log next rests on a snapshot that its state has not taken over yet. */
      readonly inInstall?: boolean
    }
  /**
   * The power is lost, and what comes back is not what was there. `echoMillis`: what it said in so long before is
   * still under way when it is back, and mixes with what it says then.
   */
  | {
      readonly type: "damage"
      readonly target: Target
      readonly damage: Damage
      readonly forMillis: number
      readonly echoMillis?: number
    }
  /** A row of the state changes under the running process; `fits`: so does its checksum. */
  | { readonly type: "alter"; readonly target: Target; readonly fits: boolean }
  /** Users' code takes so long, at the most, for the log or for who stands at the door. */
  | {
      readonly type: "slow-code"
      readonly target: Target
      readonly lane: Lane
      readonly millisMax: number
      readonly forMillis: number
    }
  /** It has no place to run in; or, where commands hang that hang on one node alone, each command fails that is applied. */
  | { readonly type: "failing-code"; readonly target: Target; readonly forMillis: number }
  | { readonly type: "busy-code"; readonly forMillis: number }
  | { readonly type: "wall"; readonly target: Target; readonly shiftMillis: number }
  | { readonly type: "snapshot"; readonly target: Target }
  /** Many commands at once, at one node: more than may wait. */
  | { readonly type: "flood"; readonly target: Target; readonly count: number }
)

/** `old-copy`: only who remembers more recognises it, which no seed can promise; a script may say it. */
export type Damage = "flip" | "flip-state" | "shorten" | "mark" | "wipe" | "old-copy"

/** Links that let nothing through. */
export type Cut =
  /** Both ways between these and the others. */
  | { readonly shape: "halves"; readonly side: ReadonlyArray<NodeId> }
  | { readonly shape: "isolate"; readonly target: Target }
  /** One way: it hears nobody, or nobody hears it. */
  | { readonly shape: "deaf" | "mute"; readonly target: Target }
  /** Two halves that only one node sees both of. */
  | { readonly shape: "bridge"; readonly bridge: NodeId; readonly side: ReadonlyArray<NodeId> }
  /** Each sees its two neighbours. */
  | { readonly shape: "ring" }
  | { readonly shape: "links"; readonly links: ReadonlyArray<readonly [NodeId, NodeId]> }

/** A majority is lost for good, and the rest goes on by decree. */
export interface PlannedDisaster {
  /** How many voters are left, at the most. */
  readonly survivors: number
  /** A leader among the lost lives on, and reaches nobody. */
  readonly cutsOff: boolean
  /** Two of those who are left are asked at the same time. */
  readonly rivals?: boolean
  /** How long after it was decreed the node loses its power that leads by it; null: it does not. */
  readonly endsAfterMillis: number | null
}

export type PermanentFault =
  | {
      readonly type: "down" | "paused" | "disk-hangs" | "disk-full" | "isolated" | "deaf" | "mute"
      readonly node: NodeId
    }
  /** Between two nodes that the others can do without. */
  | { readonly type: "no-link"; readonly from: NodeId; readonly to: NodeId }

/** The links that a cut takes away, of all between these nodes. `who` finds a target. */
export const linksOf = (
  cut: Cut,
  ids: ReadonlyArray<NodeId>,
  who: (target: Target) => NodeId,
): ReadonlyArray<readonly [NodeId, NodeId]> => {
  const all = ids.flatMap((from) => ids.filter((to) => to !== from).map((to) => [from, to] as const))
  switch (cut.shape) {
    case "halves":
      return all.filter(([from, to]) => cut.side.includes(from) !== cut.side.includes(to))
    case "isolate": {
      const alone = who(cut.target)
      return all.filter(([from, to]) => from === alone || to === alone)
    }
    case "deaf": {
      const alone = who(cut.target)
      return all.filter(([, to]) => to === alone)
    }
    case "mute": {
      const alone = who(cut.target)
      return all.filter(([from]) => from === alone)
    }
    case "bridge":
      return all.filter(
        ([from, to]) =>
          from !== cut.bridge && to !== cut.bridge && cut.side.includes(from) !== cut.side.includes(to),
      )
    case "ring":
      return all.filter(([from, to]) => {
        const apart = Math.abs(ids.indexOf(from) - ids.indexOf(to))
        return apart !== 1 && apart !== ids.length - 1
      })
    case "links":
      return cut.links
  }
}
