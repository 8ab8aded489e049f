// Does the hunt go where bugs live? Situations that must each have come up now and then: a run of many seeds in
// which one never did has proved less than it seems to.

/** What must be seen, and why it matters. */
export const markers = {
  "another leader": "a leader was elected after another",
  "split vote": "two candidates stood in one term",
  "vote reply lost": "a granted vote never arrived",
  "asked after a restart": "a node was asked for its vote in a term that it knew from before it restarted",
  "pre-vote refused": "a node would not vote, because its leader lives or its log is newer",
  "deposed by a newer term": "a leader learned of a newer term",
  "stepped down without a quorum": "a leader gave up by itself",
  "leader with a stuck disk": "a leader gave up while its disk took nothing in",
  "suffix replaced": "a follower cut entries that a newer leader did not have",
  "hint across three terms": "one refusal skipped entries of three terms",
  "old term committed": "entries of an older term were committed with one of the leader's own",
  "window full": "a leader waited for a follower's acknowledgements",
  "entries read from disk": "a follower was so late that the leader's memory did not hold what it needed",
  "append overtaken": "an append arrived that held nothing new",
  "proposal lost": "who waited for an entry learned that it may be lost",
  "proposal forwarded": "a follower handed a command to the leader",
  "retry replayed": "a command that came again got its first answer",
  "log cut": "the log was cut behind the state",
  "snapshot sent": "a follower needed a snapshot",
  "snapshot installed": "a snapshot took the place of log and state",
  "snapshot resumed": "a snapshot went on where an earlier attempt had ended",
  "leader changed in a snapshot": "the leader changed while a follower was receiving a snapshot",
  "crash in an install": "a node stopped after its log had moved onto a snapshot, and before its state had",
  "unsynced lost": "a write that nobody had been told of was gone after a loss of power",
  "unsynced kept": "a write that nobody had been told of was there after a loss of power",
  "node stopped by its disk": "a failed sync or a corrupt page ended a process",
  "log found damaged": "a node came back with less than it had said",
  "damaged log repaired": "a suspect node became whole again",
  "state given up": "a state was not what it should be, and its node went on without it",
  "state repaired": "a node that had given its state up had come back to where it was",
  "state given to a peer": "a node whose log did not reach back far enough got the state of another",
  "disk full": "a proposal was refused for want of room",
  "vote on a full disk": "a node without room gave its vote",
  "vote ahead of entries": "a vote was durable before entries that there was no room for",
  "elected on a full disk": "a node without room was elected, and committed the no-op of its term",
  "gave way for want of room": "a leader without room left the lead to a node that has some",
  "full disk freed itself": "a node had room again while its disk was as full as before",
  "read handed on": "a node whose disk did not follow let the leader answer a read",
  "stood still and was deposed": "a leader went on after a pause, and another one led",
  "all down at once": "no process was left",
  "wall clock set back": "the wall clock of a leader went backwards",
  "joint election": "a leader was elected by two majorities",
  "joint left by another": "a leader left a joint configuration that another had entered",
  "configuration cut away": "a configuration that was never committed went, and the one before came back",
  "leader retired": "a leader removed itself, and stepped down when that was committed",
  "group refused for other members":
    "a group was to be opened with members that `main` did not have any more",
  "newcomer lagged": "a newcomer had not caught up when the operator stopped waiting",
  "change refused for want of live voters": "too few of the new voters would have been there",
  "leadership handed over": "an operator's transfer of leadership succeeded",
  "successor failed": "a successor did not take over in time, and the leader went on",
  "leader at rest": "all members rested, and the leader beat no more",
  "follower at rest": "a follower rested",
  "read by lease": "a read was served without a round",
  "read at a follower": "a follower served a linearizable read",
  "read index asked again": "a follower's question to its leader was repeated",
  "stale read refused": "a node that had not heard its leader for long refused a local read",
  "revision mismatch": "a compare-and-set came too late",
  overloaded: "a node refused what was more than may wait",
  "outcome unknown": "a client never learned what became of its command",
  "outcome rejected": "a client was told that its command did not happen",
  "events passed over": "a watcher was told the state in place of events that were gone",
  "leading begun": "what actors have run where their group leads began",
  "timer under another leader": "a timer rang in another term than it was set in",
  "version switched": "a version took the place of another while the cluster ran",
  "version rolled back": "an operator went back to the version before",
  "version switched by a later leader": "a switch was committed in another term than it was proposed in",
  "switch hindered by stored states": "a plan found states that the version cannot be brought to",
  "switch refused by the log":
    "what was planned did not fit any more, or never had, when it was to be switched on",
  "forged code refused": "the pieces were not the code that the version names",
  "state migrated up": "a command found a state of an earlier version, and left one of its own",
  "state migrated down": "the same, of a later one",
  "command moved by a switch": "a command stood in the log behind a switch, and was not executed",
  "moved command asked anew": "and was executed by the version of then",
  "command of another version refused": "a client was told that the active version has no such command",
  "quarantined before the log":
    "a command failed when it was tried, and its instance came into quarantine in its place",
  "machine stuck": "a machine could not get past an entry",
  "command voided": "a majority could not get past a command, and an entry made it void",
  "stuck alone and repaired": "a node that alone could not get past an entry took the state of the others",
  "actor suspended": "so many instances were in quarantine that no other took commands of that version",
  "instance repaired": "an operator brought an instance out of quarantine",
  "command run again by a repair": "by what had failed then, under a version that knows better",
  "went on by decree": "a majority was lost for good, and the rest went on",
  "two decrees at once": "two survivors were about to lead by decree at the same time",
  "given up and taken in anew": "who was given up by decree came back with an empty disk",
  "group opened": "another group was founded, and had its actors",
  "group at rest": "a group besides main stopped ticking",
  "group woken": "and began again",
  "group followed main": "a group changed its members, as main had done",
  "keys moved to another group":
    "half of the keys of an actor went to another group, and the first forgot them",
  "move went on under another leader": "main had another leader when it was over than when it was begun",
  "retry answered by another group": "a command that came again got its first answer where its key had gone",
  "key gone before its command": "a command stood in the log behind the entry that let its key go",
  "wiped node back": "a node without its data was taken in anew",
  "wiped node refused": "a node without its data was not let in",
  "old connection broken": "a message was sent to a process that had ended",
} as const

export type Marker = keyof typeof markers

export const markerNames = Object.keys(markers) as ReadonlyArray<Marker>

/** Which of them have been seen. */
export class Sightings {
  readonly #seen = new Set<Marker>()

  see(marker: Marker): void {
    this.#seen.add(marker)
  }

  get seen(): ReadonlyArray<Marker> {
    return markerNames.filter((name) => this.#seen.has(name))
  }
}
