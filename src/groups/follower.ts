// How do the members of all groups follow those of `main`? Each leader looks after its own group.

import { Effect } from "effect"
import type { Configuration, Millis, NodeId } from "../consensus/types.ts"
import type { Changed, Failure, TransferRequest } from "../raft/Raft.ts"
import { changeTowards, heirsOf } from "./following.ts"
import type { RunningGroup } from "./Groups.ts"
import { heardMain } from "./hearing.ts"

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

export const follower = Effect.fnUntraced(function* (
  main: RunningGroup,
  groups: () => ReadonlyArray<RunningGroup>,
) {
  const { raft } = main
  const { id } = raft.status()
  let aloneSince: Millis | null = null
  let followed: Configuration | null = null
  let workedAt = raft.now()
  let lookedAt = raft.now()
  while (true) {
    yield* Effect.sleep(LOOK_MILLIS)
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
    if (committed !== followed) workedAt = raft.now()
    followed = committed
    // A thousand groups of which nobody has to follow anything are not looked at all the time.
    if (raft.now() - workedAt > AT_WORK_MILLIS && raft.now() - lookedAt < ALL_LOOK_MILLIS) continue
    lookedAt = raft.now()
    const behind = () => groups().filter((group) => isBehind(main, group))
    if (behind().length === 0) continue
    workedAt = raft.now()
    // Nothing older than what any leader has followed before: the answer proves it.
    if (!(yield* heardMain(raft, raft.now() + ANSWER_MILLIS))) continue
    yield* Effect.forEach(behind(), (group) => change(main, group), {
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

const isBehind = (main: RunningGroup, group: RunningGroup): boolean => {
  const { serving, configuration } = group.raft.glance()
  return serving && changeTowards(main.raft.glance().committed, configuration) !== null
}

const change = Effect.fnUntraced(function* (main: RunningGroup, { raft }: RunningGroup) {
  const { configuration } = raft.glance()
  const change = changeTowards(main.raft.glance().committed, configuration)
  if (change === null) return
  const deadline = raft.now() + ANSWER_MILLIS
  yield* Effect.callback<Changed | Failure>((resume) =>
    // Refused while too few of the new voters are there to go on: then it is asked again.
    raft.change({ change, force: false, deadline, answer: (given) => resume(Effect.succeed(given)) }),
  )
})
