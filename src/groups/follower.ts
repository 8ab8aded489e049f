// How do the members of all groups follow those of `main`? Each leader looks after its own group.

import { Effect } from "effect"
import type { Change, Configuration, GroupId, Index, Millis, NodeId, Term } from "../consensus/types.ts"
import { encodeSystem } from "../machine/system/commands.ts"
import type { Seating } from "../machine/system/GroupDirectory.ts"
import type { Changed, Failure, TransferRequest } from "../raft/Raft.ts"
import { Looks, type Unrest } from "../raft/Unrest.ts"
import { sleepTogether } from "../transport/together.ts"
import {
  aimOfGroup,
  changeTowards,
  hasTaken,
  heirsOf,
  namingOf,
  type SeatedGroup,
  unnamedIn,
} from "./following.ts"
import type { RunningGroup } from "./Groups.ts"
import { heardMain } from "./hearing.ts"
import { proposed } from "./proposing.ts"

/** How often it is looked, and for how long an answer is waited for. */
const LOOK_MILLIS = 500
/** How long each look goes over all groups when there was something to follow, and how often it does so otherwise. */
const AT_WORK_MILLIS = 10_000
const ALL_LOOK_MILLIS = 5_000
const ANSWER_MILLIS = 5_000
/**
 * Longer than any election takes. Who is named by the newest configuration that it has may still have been let go; but a busy
 * cluster, in which `main` is being elected, is not to hand over all that it leads as well.
 */
const LEFT_MILLIS = 3_000
/** A leader that was heard so lately is there. */
const HEARD_MILLIS = 1_000
const ALONE_MILLIS = 10_000
/** At once, and until the next. */
const LEFT_GROUPS_MAX = 16
const LEFT_PAUSE_MILLIS = 2_000
/** Changes under way at once, so that a thousand groups do not change on one beat. */
const CHANGES_MAX = 8

/** What this node knows of groups that not all members run. */
export interface Seats {
  readonly seated: ReadonlyArray<SeatedGroup>
  readonly seatingOf: (group: GroupId) => Seating | undefined
}

/** Whom this node knows. */
export interface Acquainted {
  /** The data directories of those whom it has met, and its own. */
  readonly incarnations: Effect.Effect<ReadonlyMap<NodeId, string>>
  readonly isHeard: (id: NodeId) => boolean
}

/** What a leader can say of members now; of nobody where all groups say it already. */
interface Names {
  readonly known: ReadonlyMap<NodeId, string>
  readonly isHeard: (id: NodeId) => boolean
}

/** That a step was the newest while this node led the group in that term: then no later one has been reached since. */
type Proofs = Map<GroupId, { readonly term: Term; readonly step: Index }>

export const follower = Effect.fnUntraced(function* (
  main: RunningGroup,
  groups: () => ReadonlyArray<RunningGroup>,
  seats: Seats,
  { incarnations, isHeard }: Acquainted,
  unrest?: Unrest,
) {
  const looks = new Looks(unrest)
  const proofs: Proofs = new Map()
  const { raft } = main
  const { id } = raft.status()
  let aloneSince: Millis | null = null
  let followed: Configuration | null = null
  let workedAt = raft.now()
  let lookedAt = raft.now()
  while (true) {
    yield* sleepTogether(LOOK_MILLIS)
    // Who is no member any more may well remember a leader: it never stands, and nobody tells it of another.
    const { heardMillis, configuration } = raft.status()
    const isLeft = ![...configuration.voters, ...configuration.learners].includes(id)
    // Who lags hears of it all the same, and need not hand anything over.
    aloneSince = heardMillis <= HEARD_MILLIS ? null : (aloneSince ?? raft.now())
    if (aloneSince !== null && raft.now() - aloneSince > (isLeft ? LEFT_MILLIS : ALONE_MILLIS)) {
      yield* leaveLead(configuration, id, groups())
      yield* Effect.sleep(LEFT_PAUSE_MILLIS)
      continue
    }
    const { committed } = raft.glance()
    const isMoving = seats.seated.some(({ seating }) => !seating.isReached)
    if (committed !== followed || isMoving) workedAt = raft.now()
    followed = committed
    // A thousand groups of which nobody has to follow anything are not looked at all the time.
    const now = raft.now()
    if (now - workedAt > AT_WORK_MILLIS && (now - lookedAt < ALL_LOOK_MILLIS || !looks.isDue(now))) continue
    lookedAt = now
    looks.begin(now)
    const areNamed = groups().every(({ raft }) => unnamedIn(raft.glance().configuration).length === 0)
    const names = { known: areNamed ? new Map<NodeId, string>() : yield* incarnations, isHeard }
    // Whom a member turns out to be is heard without any group.
    if (!areNamed) looks.again()
    const behind = () => groups().filter((group) => isBehind(main, group, seats, names))
    if (behind().length === 0) continue
    workedAt = raft.now()
    // Nothing older than what any leader has followed before: the answer proves it.
    if (!(yield* heardMain(raft, raft.now() + ANSWER_MILLIS))) continue
    yield* Effect.forEach(behind(), (group) => change(main, group, seats, proofs, names), {
      concurrency: CHANGES_MAX,
      discard: true,
    })
  }
})

/**
 * Who hears nothing of `main` may be no member any more, and would never know whom the groups that it leads have to follow:
 * whoever leads them next does.
 */
const leaveLead = (
  main: Configuration,
  self: NodeId,
  groups: ReadonlyArray<RunningGroup>,
): Effect.Effect<void> =>
  Effect.forEach(
    groups.filter(({ raft }) => raft.glance().serving).slice(0, LEFT_GROUPS_MAX),
    ({ raft }) => handOn(raft, heirsOf(main, self)),
    { concurrency: CHANGES_MAX, discard: true },
  )

/** To the first of them who can take over; when none can, to anybody. */
const handOn = Effect.fnUntraced(function* (raft: RunningGroup["raft"], heirs: ReadonlyArray<NodeId>) {
  const { voters } = raft.glance().configuration
  const deadline = raft.now() + ANSWER_MILLIS
  for (const to of [...heirs.filter((id) => voters.includes(id)), null]) {
    const answer = yield* Effect.callback<TransferAnswer>((resume) =>
      raft.transfer({ to, deadline, answer: (given) => resume(Effect.succeed(given)) }),
    )
    if (!("_tag" in answer) || answer.outcome === "unknown") return
  }
})

type TransferAnswer = Parameters<TransferRequest["answer"]>[0]

const isBehind = (main: RunningGroup, { raft }: RunningGroup, seats: Seats, names: Names): boolean => {
  const { serving, configuration } = raft.glance()
  if (!serving) return false
  const seating = seats.seatingOf(raft.group)
  if (seating?.isReached === false) return true
  const aim = aimOfGroup(main.raft.glance().committed, seating)
  return aim !== null && changeOf(aim, configuration, names) !== null
}

const changeOf = (aim: Configuration, own: Configuration, { known, isHeard }: Names): Change | null =>
  changeTowards(aim, own) ?? namingOf(own, known, isHeard)

const change = Effect.fnUntraced(function* (
  main: RunningGroup,
  { raft }: RunningGroup,
  seats: Seats,
  proofs: Proofs,
  names: Names,
) {
  const seating = seats.seatingOf(raft.group)
  const { term } = raft.status()
  if (seating !== undefined && !(yield* isNewest(main, raft.group, seating, term, proofs))) return
  // From here to the change nothing is waited for: in a later term another step may have been reached.
  const { configuration, term: termNow } = raft.status()
  if (seating !== undefined && termNow !== term) return
  const aim = aimOfGroup(main.raft.glance().committed, seating)
  const change = aim === null ? null : changeOf(aim, configuration, names)
  if (change === null) {
    if (seating?.isReached === false && hasTaken(seating, configuration)) yield* tell(main, raft, seating)
    return
  }
  const deadline = raft.now() + ANSWER_MILLIS
  yield* Effect.callback<Changed | Failure>((resume) =>
    // Refused while too few of the new voters are there to go on: then it is asked again.
    raft.change({ change, force: false, deadline, answer: (given) => resume(Effect.succeed(given)) }),
  )
})

/** An entry of `main` says so, and not this node's state, which may be older than what an earlier leader has followed. */
const isNewest = Effect.fnUntraced(function* (
  main: RunningGroup,
  group: GroupId,
  { step }: Seating,
  term: Term,
  proofs: Proofs,
) {
  const known = proofs.get(group)
  if (known?.term === term && known.step === step) return true
  const said = yield* proposed(main.raft, ANSWER_MILLIS, (id) =>
    encodeSystem("$group/follow", { key: group, input: { step }, id, door: "" }),
  )
  if (said._tag !== "Accepted") return false
  const { isNewest } = JSON.parse(said.result) as { readonly isNewest: boolean }
  if (isNewest) proofs.set(group, { term, step })
  return isNewest
})

/** `main` hears that a step is reached, when that is so by what the group has committed since the step was taken. */
const tell = Effect.fnUntraced(function* (main: RunningGroup, raft: RunningGroup["raft"], seating: Seating) {
  if (!(yield* heardMain(raft, raft.now() + ANSWER_MILLIS))) return
  const { serving, configuration, committed } = raft.glance()
  if (!serving || !hasTaken(seating, committed) || !hasTaken(seating, configuration)) return
  const { step } = seating
  yield* proposed(main.raft, ANSWER_MILLIS, (id) =>
    encodeSystem("$group/seated", { key: raft.group, input: { step }, id, door: "" }),
  )
})
