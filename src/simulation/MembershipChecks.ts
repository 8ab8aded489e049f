// Which configuration may rule, and when may the next one begin? (Raft §6; thesis §4.1)

import type { Recorded } from "../consensus/ConfigurationHistory.ts"
import { decodeConfiguration, epochOf } from "../consensus/configuration.ts"
import type { Leader, Node, Turn } from "../consensus/node.ts"
import type { Configuration, Index, NodeId, SnapshotPosition } from "../consensus/types.ts"
import type { Ledger } from "./Ledger.ts"
import { keyOf } from "./observed.ts"
import { insist } from "./Violation.ts"

export class MembershipChecks {
  readonly #ledger: Ledger
  /** What each configuration that was ever appended says. */
  readonly #appended = new Map<number, string>()
  /** Behind the commit of each node, as of its last turn. */
  readonly #pending = new Map<NodeId, ReadonlyArray<Recorded>>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** In the log of any node, behind the newest that is committed. */
  get uncommitted(): ReadonlyArray<Configuration> {
    const committed = this.#ledger.configurationIndex
    return [...this.#pending.values()].flatMap((pending) =>
      pending.filter(({ index }) => index > committed).map(({ configuration }) => configuration),
    )
  }

  turned(node: Node, turn: Turn): void {
    for (const entry of turn.write?.entries ?? []) {
      if (entry.kind === "configuration")
        this.#appended.set(keyOf(entry), shown(decodeConfiguration(entry.data)))
    }
    if (node.role.kind === "leader") this.#changesOneByOne(node, node.role, turn)
    this.#beginsWith(node.id, turn)
    this.#rulesByItsLog(node)
    this.#pending.set(node.id, node.configurations.behind(node.commitIndex))
  }

  /** A snapshot carries the configuration as of its index, never a later one (N4). */
  describes(from: NodeId, { index, configuration }: SnapshotPosition): void {
    this.#isAsOf(index, configuration, "snapshot's configuration", `${from} sends a snapshot (N4)`)
  }

  /** A leader appends a configuration when the one before is committed, and something of its own term (M1, M4, M5). */
  #changesOneByOne(node: Node, leader: Leader, turn: Turn): void {
    for (const { kind, index, term, data } of turn.write?.entries ?? []) {
      if (kind !== "configuration" || term !== node.term) continue
      // A decree waits for nobody: it is the first that its leader appends.
      if (epochOf(decodeConfiguration(data)) > epochOf(node.configurations.asOf(index - 1))) continue
      const earlier = node.configurations.before(index)
      insist(
        "one change at a time",
        node.commitIndex >= Math.max(earlier, leader.firstIndexOfTerm),
        `${node.id} appends a configuration at ${index} behind one at ${earlier}`,
        node.commitIndex,
        leader.firstIndexOfTerm,
      )
    }
  }

  /** A log that is cut begins with the configuration as of there (M3). */
  #beginsWith(id: NodeId, { compacted }: Turn): void {
    if (compacted === null) return
    const { through, configuration } = compacted
    this.#isAsOf(through.index, configuration, "configuration of its log", `${id} cuts its log (M3)`)
  }

  #isAsOf(index: Index, configuration: Configuration, checker: string, what: string): void {
    const committed = this.#ledger.configurationAsOf(index)
    if (committed === undefined) return
    const [given, expected] = [shown(configuration), shown(committed)]
    insist(checker, given === expected, `${what}: the configuration as of ${index}`, given, expected)
  }

  /** What rules without being committed stands in the log: what is cut away rules no more (M3). */
  #rulesByItsLog({ id, log, configurations, commitIndex }: Node): void {
    for (const { index, configuration } of configurations.behind(Math.max(commitIndex, log.base.index))) {
      const term = log.termAt(index)
      const entry = term === undefined ? undefined : this.#appended.get(keyOf({ index, term }))
      insist(
        "configuration of its log",
        entry === shown(configuration),
        `${id} obeys a configuration that its log has at ${index} (M3)`,
        shown(configuration),
        entry ?? "nothing",
      )
    }
  }
}

const shown = ({ voters, outgoing, learners }: Configuration): string =>
  JSON.stringify([voters, outgoing, learners])
