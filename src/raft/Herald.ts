// What does a node's log say of versions, quarantines and suspensions? One line for each thing that an entry has changed,
// on every replica that executes it: who asked for it is of no account.

import type { Clock } from "effect"
import type { Index, Millis } from "../consensus/types.ts"
import type { Change, Changes } from "../machine/system/changes.ts"
import { nowOf } from "./Group.ts"
import type { Level, Observer } from "./observer.ts"

interface Around {
  readonly clock: Clock.Clock
  readonly observer: Observer
}

/**
 * Outlives the group's lives: what the next one executes again has been told. A node that starts again tells once more what
 * its last flush did not cover, about a second: a line twice, with the same index, is better than one that a crash has taken.
 * How many lines come at a time is bounded, for a newcomer executes all of the log.
 */
export class Herald {
  /** All changes up to here have been told, or counted. */
  #toldIndex: Index = 0
  #windowAt: Millis = Number.NEGATIVE_INFINITY
  #linesOfWindow = 0
  #leftOut: { count: number; readonly from: Index; to: Index } | null = null

  /** Where changes are to be told from. */
  get toldIndex(): Index {
    return this.#toldIndex
  }

  /** Something is still to be told. */
  get isBehind(): boolean {
    return this.#leftOut !== null
  }

  /** Another state is at hand: what has changed on the way to it was executed elsewhere, or in an earlier run. */
  opened({ observer }: Around, { quarantined, suspended }: Changes): void {
    if (quarantined === 0 && suspended.length === 0) return
    observer.event(
      "the state that this node goes on from has instances in quarantine",
      {
        instances: quarantined,
        suspended: suspended.slice(0, namesMax).join(", "),
      },
      "warn",
    )
  }

  /** What was applied behind {@link toldIndex}. */
  heard({ clock, observer }: Around, { changes }: Changes): void {
    const now = nowOf(clock)
    for (const change of changes) {
      this.#toldIndex = change.index
      this.#turnWindow(observer, now)
      if (this.#linesOfWindow >= linesPerWindowMax) {
        this.#leftOut ??= { count: 0, from: change.index, to: change.index }
        this.#leftOut.count++
        this.#leftOut.to = change.index
        continue
      }
      this.#linesOfWindow++
      const { message, details, level } = lineOf(change)
      observer.event(message, { index: change.index, actor: change.actor, ...details }, level)
    }
  }

  /** Now and then. */
  sweep({ clock, observer }: Around): void {
    if (this.#leftOut !== null) this.#turnWindow(observer, nowOf(clock))
  }

  #turnWindow(observer: Observer, now: Millis): void {
    if (now - this.#windowAt < windowMillis) return
    this.#windowAt = now
    this.#linesOfWindow = 0
    if (this.#leftOut === null) return
    observer.event("changes of actors were too many for a line each", this.#leftOut, "warn")
    this.#leftOut = null
  }
}

const lineOf = (
  change: Change,
): { readonly message: string; readonly details: Record<string, unknown>; readonly level: Level } => {
  switch (change.what) {
    case "registered": {
      const { version, number, by } = change
      return { message: "a version has come in", details: { version, number, by }, level: "info" }
    }
    case "activated":
    case "rolledBack": {
      const { from, to, number } = change
      const message =
        change.what === "activated" ? "a version is active from here on" : "an actor is rolled back"
      return { message, details: { from: from ?? "none", to, number }, level: "info" }
    }
    case "quarantined": {
      const { key, version, fault, by } = change
      const detail = fault.detail.slice(0, detailLengthMax).toWellFormed()
      return {
        message: "an instance is in quarantine",
        details: { key, version, fault: fault.kind, detail, by },
        level: "warn",
      }
    }
    case "voided": {
      const { key, from } = change
      return {
        message: "a command is voided: nobody could get past it",
        details: { key, from },
        level: "warn",
      }
    }
    case "repaired": {
      const { key, how } = change
      return { message: "an instance is repaired", details: { key, how }, level: "info" }
    }
    case "suspended": {
      const { version, instances } = change
      return { message: "an actor is suspended", details: { version, instances }, level: "warn" }
    }
    case "lifted":
      return {
        message: "an actor is no longer suspended",
        details: { version: change.version },
        level: "info",
      }
  }
}

export const linesPerWindowMax = 100
export const windowMillis = 10_000
const namesMax = 20
const detailLengthMax = 200
