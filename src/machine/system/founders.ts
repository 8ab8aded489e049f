// Whom does a group count on that is opened now, or gets other seats?

import type { Configuration, NodeId } from "../../consensus/types.ts"
import { actorBegins, decodeCommand } from "../command.ts"
import { readSystem, type SystemInput } from "./commands.ts"

/**
 * Among whom those are whom the group counts on that this command opens, or gives other seats: it may stand in the log of
 * `main` only where they are its members. Null: it does neither.
 */
export const foundersIn = (bytes: Uint8Array): Configuration | null => {
  const command = actorBegins(bytes, "$") ? decodeCommand(bytes) : null
  if (command?.actor !== "$group") return null
  const input =
    command.command === "open"
      ? readSystem("$group/open", command.input)
      : command.command === "seat"
        ? readSystem("$group/seat", command.input)
        : null
  return input === null ? null : foundedBy(input)
}

export const foundedBy = ({
  configuration: { voters, learners, addresses },
}: Pick<SystemInput<"$group/open">, "configuration">): Configuration => {
  const known = [...voters, ...learners].map((id) => [id, addresses[id]!] as const)
  return { voters, outgoing: [], learners, learnersNext: [], addresses: Object.fromEntries(known) }
}

/** The members with which a group begins that this command opens; null: it opens none. */
export const foundingIn = (bytes: Uint8Array): Configuration | null => {
  const command = actorBegins(bytes, "$") ? decodeCommand(bytes) : null
  if (command?.actor !== "$group" || command.command !== "open") return null
  const input = readSystem("$group/open", command.input)
  if (input === null) return null
  const all = foundedBy(input)
  return input.seating === undefined ? all : seatedIn(all, input.seating.seats)
}

/** Of the members of `main` those with a seat, all of them voters; null: one of them is no voter there. */
export const seatedIn = (main: Configuration, seats: ReadonlyArray<NodeId>): Configuration | null => {
  if (!seats.every((id) => main.voters.includes(id))) return null
  const addresses = Object.fromEntries(seats.map((id) => [id, main.addresses[id]!] as const))
  return { voters: seats, outgoing: [], learners: [], learnersNext: [], addresses }
}
