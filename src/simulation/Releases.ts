// Which versions of an actor may an operator bring in, and what is known of each? What a bundle would be, as a text.

import { Result } from "effect"
import type { NodeId } from "../consensus/types.ts"
import type { Json } from "../machine/actor.ts"
import { versionOf } from "../machine/bundle.ts"
import type { Manifest } from "../machine/Catalogue.ts"
import { manifestOf } from "../machine/manifest.ts"
import { type LoadedActor, loadActor } from "../machine/Registry.ts"
import type { Faults } from "./CodeHost.ts"
import { type Hang, type ReleaseName, tills } from "./till.ts"

/** The actor that all of them are versions of. */
export const tillName = "till"

export interface Release {
  readonly name: ReleaseName
  /** Version id. */
  readonly version: string
  readonly code: string
  readonly loaded: LoadedActor
  readonly manifest: Manifest
}

const releaseOf = (name: ReleaseName): Release => {
  const code = `// the till, ${name}`
  const version = versionOf(code)
  const loaded = Result.getOrThrow(loadActor(tillName, version, tills[name]))
  return { name, version, code, loaded, manifest: manifestOf(loaded) }
}

export const releases: Readonly<Record<ReleaseName, Release>> = {
  one: releaseOf("one"),
  two: releaseOf("two"),
  mended: releaseOf("mended"),
  three: releaseOf("three"),
}

const byVersion = new Map(Object.values(releases).map((release) => [release.version, release]))

/** Undefined: nobody has such code. */
export const releaseAt = (version: string): Release | undefined => byVersion.get(version)

/** Whether a command hangs always under that version, wherever it runs. */
export const hangsAlways = (version: string, command: string, input: Json): boolean =>
  hangOf(version, command, input) === "always"

const hangOf = (version: string, command: string, input: Json): Hang | null =>
  command === "hang" && releaseAt(version)?.name !== "mended" ? (input as { readonly how: Hang }).how : null

/** What the till does to its host at a node. `alone`: whether this is the node where commands hang that hang alone. */
export const faultsOf =
  (id: NodeId, alone: NodeId | null): Faults =>
  (call, lane) => {
    if (call.type !== "reduce" || call.actor !== tillName) return null
    switch (hangOf(call.version, call.command, call.input)) {
      case "always":
        return { kind: "deadline", detail: "it hangs" }
      case "logged":
        return lane === "log" ? { kind: "memory", detail: "it takes all" } : null
      case "alone":
        return lane === "log" && id === alone ? { kind: "overflow", detail: "it goes deep" } : null
      case null:
        return null
    }
  }
