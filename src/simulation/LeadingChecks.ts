// Does what users have run where a group leads keep within its leadership? It begins when the leader serves, and what
// it proposes is executed in its term or not at all.

import type { Node } from "../consensus/node.ts"
import type { Entry, NodeId, Term } from "../consensus/types.ts"
import { decodeCommand } from "../machine/command.ts"
import { insist } from "./Violation.ts"

export class LeadingChecks {
  /** Of each term in which something has begun. */
  readonly #leaders = new Map<Term, NodeId>()
  /** By the chance that came with a command, which no other one has: the term that it was meant for. */
  readonly #terms = new Map<string, Term>()

  leads(id: NodeId, term: Term, record: Node | null): void {
    const role = record?.role
    const serves =
      role?.kind === "leader" && record!.term === term && record!.appliedIndex >= role.firstIndexOfTerm
    insist("leading", serves, `${id} has applied its first entry of term ${term} when leading begins (R17)`)
    const leader = this.#leaders.get(term) ?? id
    this.#leaders.set(term, leader)
    insist("leading", leader === id, `one node alone runs what is to run in term ${term}`, id, leader)
  }

  proposes(term: Term, command: Uint8Array): void {
    this.#terms.set(nameOf(command), term)
  }

  applied({ kind, data, index, term }: Entry): void {
    if (this.#terms.size === 0 || kind !== "command") return
    const meant = this.#terms.get(nameOf(data)) ?? term
    insist(
      "fence",
      meant === term,
      `entry ${index} is of the term that its command was meant for (C8)`,
      term,
      meant,
    )
  }
}

const nameOf = (command: Uint8Array): string =>
  Buffer.from(decodeCommand(command)?.seed ?? []).toString("hex")
