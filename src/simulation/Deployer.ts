// How does an operator of a simulated cluster bring in code, switch to it and back, and repair what it broke? As the
// doors do it: by commands of the machine's own, behind what a plan says.

import type { Effect } from "effect"
import { versionOf } from "../machine/bundle.ts"
import type { MachineFailed, MachineHost } from "../machine/MachineHost.ts"
import type { Refused } from "../machine/outcome.ts"
import type { SystemInput, SystemName } from "../machine/system/commands.ts"
import type { Plan } from "../machine/system/plan.ts"
import type { Chance } from "./Chance.ts"
import type { SimulatedCluster } from "./Cluster.ts"
import { type Release, releaseAt, releases, tillName } from "./Releases.ts"
import { type Fate, isAccepted, Session, type SessionOptions, type Wish } from "./Session.ts"
import type { PlannedDeploy, PlannedTill } from "./script.ts"
import { stateHolding } from "./till.ts"

const LOOK_MILLIS_MAX = 1000
const LOOKS_MAX = 4

export class Deployer {
  readonly #cluster: SimulatedCluster
  readonly #chance: Chance
  readonly #source: PlannedTill["source"]
  readonly #options: SessionOptions
  #begun = 0
  #open = 0
  #isStopped = false

  constructor(cluster: SimulatedCluster, till: PlannedTill | undefined, options: SessionOptions) {
    this.#cluster = cluster
    this.#chance = cluster.world.chance.fork("deployer")
    this.#source = till?.source ?? "file"
    this.#options = options
    for (const deploy of till?.deploys ?? []) {
      cluster.world.after(deploy.atMillis, () => this.#carryOut(deploy))
    }
  }

  /** Nothing that it has asked for waits for an answer. */
  get isIdle(): boolean {
    return this.#open === 0
  }

  /** It asks for nothing more. */
  stop(): void {
    this.#isStopped = true
  }

  #carryOut(deploy: PlannedDeploy): void {
    if (this.#isStopped) return
    this.#open++
    const errand: Errand = {
      name: `deploy ${++this.#begun}`,
      session: new Session(this.#cluster, `deployer ${this.#begun}`, this.#options),
      asked: 0,
      end: (what) => {
        this.#open--
        this.#cluster.tell(`of ${JSON.stringify(deploy)} the operator knows: ${what}`)
      },
    }
    this.#cluster.tell(`an operator begins with ${JSON.stringify(deploy)}`)
    if (deploy.type === "activate") this.#bringIn(errand, deploy)
    else if (deploy.type === "rollback") this.#rollBack(errand, deploy.isForced)
    else this.#repair(errand, deploy)
  }

  #bringIn(errand: Errand, deploy: Extract<PlannedDeploy, { readonly type: "activate" }>): void {
    const release = releases[deploy.release]
    // What is sent for it is other code.
    const version = deploy.isForged ? versionOf(`forged ${errand.name}`) : release.version
    const half = release.code.length >> 1
    const texts = [release.code.slice(0, half), release.code.slice(half)]
    const pieces = texts.map((text, at) => wishOf(errand, "$actor/piece", version, { version, at, text }))
    const register = wishOf(errand, "$actor/register", tillName, {
      version,
      pieces: pieces.length,
      bytes: release.code.length,
      by: "n1",
      source: this.#source,
      ...release.manifest,
    })
    errand.session.propose([...pieces, register], (fates) => {
      const last = fates.at(-1)!
      if (!isAccepted(last)) {
        if (deploy.isForged && last.type === "known") this.#cluster.sightings.see("forged code refused")
        return errand.end(`not brought in: ${tell(last)}`)
      }
      this.#activate(errand, release, deploy.isForced)
    })
  }

  #activate(errand: Errand, { version }: Release, isForced: boolean): void {
    this.#plan(version, (plan) => {
      if (plan === null) return errand.end("no plan")
      if (!this.#mayGoOn(plan, isForced)) return errand.end(`hindered: ${plan.hindrances}`)
      const input = { version, from: plan.from?.version ?? null }
      this.#switch(errand, wishOf(errand, "$actor/activate", tillName, input))
    })
  }

  #rollBack(errand: Errand, isForced: boolean): void {
    this.#look(
      (machine) => machine.actors,
      (actors) => {
        const { active = null, previous = null } = actors?.find(({ name }) => name === tillName) ?? {}
        if (active === null || previous === null) return errand.end("nothing to go back to")
        this.#plan(previous, (plan) => {
          if (plan === null) return errand.end("no plan")
          if (!this.#mayGoOn(plan, isForced)) return errand.end(`hindered: ${plan.hindrances}`)
          const input = { from: active, to: previous }
          this.#switch(errand, wishOf(errand, "$actor/rollback", tillName, input))
        })
      },
    )
  }

  #repair(errand: Errand, { how, total }: Extract<PlannedDeploy, { readonly type: "repair" }>): void {
    this.#look(
      (machine) => machine.actors,
      (actors) => {
        const { active = null, quarantined = [] } = actors?.find(({ name }) => name === tillName) ?? {}
        const release = active === null ? undefined : releaseAt(active)
        if (release === undefined || quarantined.length === 0) return errand.end("nothing to repair")
        const { key } = this.#chance.pick(quarantined)
        const input = { how, state: how === "state" ? stateHolding[release.name](total) : null, force: false }
        errand.session.propose([wishOf(errand, "$instance/repair", `${tillName}/${key}`, input)], ([fate]) =>
          errand.end(tell(fate!)),
        )
      },
    )
  }

  #switch(errand: Errand, wish: Wish): void {
    errand.session.propose([wish], ([fate]) => {
      if (fate!.type === "known" && !isAccepted(fate!))
        this.#cluster.sightings.see("switch refused by the log")
      errand.end(tell(fate!))
    })
  }

  #mayGoOn({ hindrances }: Plan, isForced: boolean): boolean {
    if (hindrances.length > 0) this.#cluster.sightings.see("switch hindered by stored states")
    return hindrances.length === 0 || isForced
  }

  #plan(version: string, done: (plan: Plan | null) => void): void {
    this.#look<Plan | Refused>(
      (machine) => machine.plan({ actor: tillName, version, manifest: null, recorded: [] }),
      (plan) => done(plan === null || "_tag" in plan ? null : plan),
      (plan) => !("_tag" in plan),
    )
  }

  /** Asks one node after the other; null when none has said what is worth anything. */
  #look<A>(
    request: (machine: MachineHost["Service"]) => Effect.Effect<A, MachineFailed>,
    done: (answer: A | null) => void,
    isWorth: (answer: A) => boolean = () => true,
    looks = LOOKS_MAX,
  ): void {
    const { leader, nodes } = this.#cluster
    const asked = leader !== null && this.#chance.happens(0.8) ? leader : this.#chance.pick(nodes)
    asked.look(request, LOOK_MILLIS_MAX, (answer) => {
      if ((answer !== null && isWorth(answer)) || looks === 0) done(answer)
      else
        this.#cluster.world.after(this.#chance.between(1, 60), () =>
          this.#look(request, done, isWorth, looks - 1),
        )
    })
  }
}

/** One thing that an operator does, from beginning to end. */
interface Errand {
  readonly name: string
  readonly session: Session
  /** How many commands it has sent. */
  asked: number
  readonly end: (what: string) => void
}

const wishOf = <Name extends SystemName>(
  errand: Errand,
  name: Name,
  key: string,
  input: SystemInput<Name>,
): Wish => {
  const [actor, command] = name.split("/") as [string, string]
  const idempotencyKey = `${errand.name}-${++errand.asked}`
  return { actor, key, command, input: JSON.stringify(input), idempotencyKey, ifRevision: null }
}

const tell = (fate: Fate): string => JSON.stringify(fate)
