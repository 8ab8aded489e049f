// Which bugs does everybody plant who hunts in an engine of this kind? Each is planted here, or it says why not.

export interface Hazard {
  readonly theme: string
  readonly name: string
  /** Why it cannot be planted; absent when it is. */
  readonly absent?: string
}

const planted = (theme: string, ...names: ReadonlyArray<string>): ReadonlyArray<Hazard> =>
  names.map((name) => ({ theme, name }))

export const hazards: ReadonlyArray<Hazard> = [
  ...planted(
    "Election",
    "vote not persisted",
    "vote persisted after reply",
    "term bumped without clearing vote",
    "up-to-date check by index only",
    "vote counted twice",
    "candidate's log check skipped in pre-vote",
    "pre-vote grants while leader alive",
    "equal-term leader does not step down",
  ),
  ...planted(
    "Replication",
    "unconditional truncate",
    "commit prior-term by count",
    "commit to last index",
    "matchIndex from stale ack",
    "quorum n/2",
    "leader counts unsynced self",
    "follower acks before sync",
    "async-append ABA",
    "next index never backs off",
    "heartbeat commits past match",
    "proposal future resolved by index only",
  ),
  ...planted(
    "Storage",
    "synchronous=NORMAL",
    "EIO swallowed",
    "truncate+append in two transactions",
    "checksum not verified",
    "high-water mark ignored",
    "wiped node votes",
  ),
  ...planted(
    "Snapshot",
    'membership from "now"',
    "publish before fsync",
    "log reset after snapshot commit",
    "chunk mix",
    "dedupe table omitted",
    "compaction past a lagging follower with no snapshot path",
  ),
  ...planted(
    "Membership",
    "change before no-op",
    "config at commit only",
    "uncommitted config not rolled back",
    "joint exit before commit",
    "learner counted",
    "removed leader counts itself",
    "id reuse",
  ),
  ...planted("Reads", "no own-term barrier", "acks of earlier heartbeats reused", "lease from ack time"),
  ...planted("Reads", "lease kept on transfer", "apply wait skipped", "pause TOCTOU"),
  ...planted(
    "Sessions and machine",
    "dedupe by seq only",
    "reply cached before commit",
    "expiry by local clock",
    "Date.now in reducer",
    "throw leaves partial state",
  ),
  {
    theme: "Sessions and machine",
    name: "outbox on replay",
    absent: "A replay has no outbox to run: effects are `leading`'s, which only a leader that serves begins.",
  },
  ...planted("Liveness", "no check-quorum", "fixed timeouts", "wedge after follower stall", "redirect loop"),
]
