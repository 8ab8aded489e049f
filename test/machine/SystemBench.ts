// A machine for tests whose actors come by the log, as uploads do.

import { mainGroup } from "../../src/consensus/groups.ts"
import type { GroupId } from "../../src/consensus/types.ts"
import type { Admission } from "../../src/machine/MachineHost.ts"
import { manifestOf } from "../../src/machine/manifest.ts"
import { type LoadedActor, Registry } from "../../src/machine/Registry.ts"
import {
  encodeSystem,
  piecesOf,
  type SystemInput,
  type SystemName,
} from "../../src/machine/system/commands.ts"
import { Bench, refusalOf } from "./Bench.ts"

export class SystemBench extends Bench {
  #ids = 0

  /** What may be brought in; none of it is there yet. */
  constructor(actors: ReadonlyArray<LoadedActor>, limits = {}, group: GroupId = mainGroup) {
    super(new Registry([], actors), limits, group)
  }

  /** The result, or the refusal. */
  system<Name extends SystemName>(name: Name, key: string, input: SystemInput<Name>): unknown {
    const outcome = this.applyBytes(encodeSystem(name, { key, input, id: `s${++this.#ids}`, door: "n1" }))
    return outcome._tag === "Accepted" ? JSON.parse(outcome.result) : refusalOf(outcome)
  }

  /** Through the door and the log, and when its answer is lost through the door again: what is said then. */
  systemTwice<Name extends SystemName>(name: Name, key: string, input: SystemInput<Name>): Admission {
    const bytes = encodeSystem(name, { key, input, id: `s${++this.#ids}`, door: "n1" })
    const admission = this.machine.admit([bytes])[0]!
    if (admission._tag === "Settled") throw new Error("it has been answered")
    this.applyBytes(admission.command)
    return this.machine.admit([bytes])[0]!
  }

  /** `code`: the text whose hash is the actor's version. */
  bringIn(actor: LoadedActor, code: string, source: "file" | "upload" = "upload"): unknown {
    const { version } = actor
    const pieces = piecesOf(code)
    for (const [at, text] of pieces.entries()) this.system("$actor/piece", version, { version, at, text })
    const made = { version, pieces: pieces.length, bytes: code.length, by: "n1", source }
    return this.system("$actor/register", actor.name, { ...made, ...manifestOf(actor) })
  }
}
