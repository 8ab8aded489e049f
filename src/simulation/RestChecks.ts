// Does anybody sleep on the word of a leader that leads no more? Not for longer than it takes to find that out.

import type { Limits } from "../consensus/node.ts"
import type { Millis } from "../consensus/types.ts"
import type { Process } from "./Process.ts"
import type { Seat } from "./Seat.ts"
import { insist } from "./Violation.ts"

interface Sleep {
  readonly process: Process
  /** For how long nobody has led whom it relies on, and for how long that one's process has not lived. */
  leaderlessMillis: Millis
  silentMillis: Millis
  lookedAt: Millis
}

type Looked = Pick<Seat, "id" | "process" | "record">

export class RestChecks {
  readonly #sleeps = new Map<string, Sleep>()

  look(seats: ReadonlyArray<Looked>, limits: Limits): void {
    for (const seat of seats) this.#lookAt(seat, seats, limits)
  }

  #lookAt({ id, process, record }: Looked, seats: ReadonlyArray<Looked>, limits: Limits): void {
    const role = record?.role
    const sleeps = role?.kind === "follower" && role.rest !== null
    if (process === null || process.isPaused || !sleeps) return void this.#sleeps.delete(id)
    const leader = seats.find((each) => each.id === role.leader)
    const leads = leader?.record?.role.kind === "leader" && leader.record.term === record!.term
    if (leads) return void this.#sleeps.delete(id)
    const known = this.#sleeps.get(id)
    const { nowMillis } = process
    const sleep =
      known?.process === process
        ? known
        : { process, leaderlessMillis: 0, silentMillis: 0, lookedAt: nowMillis }
    const passedMillis = nowMillis - sleep.lookedAt
    sleep.lookedAt = nowMillis
    sleep.leaderlessMillis += passedMillis
    sleep.silentMillis = leader?.process == null ? sleep.silentMillis + passedMillis : 0
    this.#sleeps.set(id, sleep)
    // It hears silence no sooner; then its own timer runs.
    const silentMillisMax = 3 * limits.electionTimeoutMaxMillis + 500
    insist(
      "sleeps leaderless",
      sleep.silentMillis <= silentMillisMax && sleep.leaderlessMillis <= DOUBT_MILLIS_MAX,
      `${id} rests while the process of its leader ${role.leader} has ended, or leads no more`,
      sleep.silentMillis,
      sleep.leaderlessMillis,
    )
  }
}

/** After so long it has asked (decision 25), and has its answer or none. */
const DOUBT_MILLIS_MAX = 125_000
