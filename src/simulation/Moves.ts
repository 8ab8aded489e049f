// What is seen of moves of keys, from the entries that the groups apply?

import type { Entry, Term } from "../consensus/types.ts"
import { decodeCommand } from "../machine/command.ts"
import { isElsewhere, type Outcome } from "../machine/outcome.ts"
import { isRoaming } from "./roaming.ts"
import type { SimulatedGroup } from "./SimulatedGroup.ts"

export class Moves {
  /** In whose term each was begun, by its actor. */
  readonly #begun = new Map<string, Term>()

  appliedIn(group: SimulatedGroup, entry: Entry, outcome: Outcome | null): void {
    const command = entry.kind === "command" && outcome !== null ? decodeCommand(entry.data) : null
    if (command === null || outcome === null) return
    const { actor } = command
    if (actor === "$place" && outcome._tag === "Accepted") this.#stepInMain(group, command, entry)
    if (isRoaming(actor) && isElsewhere(outcome)) group.sightings.see("key gone before its command")
  }

  #stepInMain(
    { sightings }: SimulatedGroup,
    { command, key }: { readonly command: string; readonly key: string },
    { term }: Entry,
  ): void {
    const begun = this.#begun.get(key)
    if (command === "split" && begun === undefined) this.#begun.set(key, term)
    if (command !== "finish" || begun === undefined) return
    sightings.see("keys moved to another group")
    if (term > begun) sightings.see("move went on under another leader")
  }
}
