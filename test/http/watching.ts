// A door with a real machine behind it, whose log a test writes: for those who watch.

import { Effect } from "effect"
import type { Door } from "../../src/http/Doors.ts"
import type { WatchLimits } from "../../src/http/Watchers.ts"
import type { SetIdleSeconds } from "../../src/http/watch.ts"
import type { MachineLimits } from "../../src/machine/limits.ts"
import type { EventsAsked } from "../../src/machine/MachineHost.ts"
import type { GroupStatus, Read } from "../../src/raft/Raft.ts"
import { Bench } from "../machine/Bench.ts"
import { registry, say } from "../machine/speaker.ts"
import { EventStream } from "../support/EventStream.ts"
import { type Fake, leading, makeFake } from "./fakeRaft.ts"

export class Watching {
  readonly fake: Fake
  readonly bench: Bench
  /** Every question to the machine. */
  readonly questions: Array<ReadonlyArray<EventsAsked>> = []
  /** While set, the machine answers nobody before it has come. */
  hold: Promise<void> | null = null
  /** Ms on the node's clock, which stands still otherwise. */
  now = 1_000_000
  isReady = true
  setIdleSeconds: SetIdleSeconds = () => {}
  /** Who has asked for what this node has not applied yet. */
  waiting: Array<Read> = []
  readonly #listening = new Set<() => void>()

  constructor(watching: Partial<WatchLimits> = {}, limits: Partial<MachineLimits> = {}) {
    this.bench = new Bench(registry, limits)
    const { door } = makeFake()
    const own: Door = {
      raft: {
        ...door.raft,
        now: () => this.now,
        onApplied: (told) => {
          this.#listening.add(told)
          return () => this.#listening.delete(told)
        },
        read: (read) => {
          if (!this.isReady) {
            read.answer({ _tag: "Failure", code: "no-leader", outcome: "rejected", detail: "nobody" })
          } else if (read.minIndex > this.bench.index) this.waiting.push(read)
          else door.raft.read(read)
        },
        status: (): GroupStatus => ({ ...leading, appliedIndex: this.bench.index, ready: this.isReady }),
      },
      machine: {
        ...door.machine,
        events: (asked) =>
          Effect.promise(async () => {
            this.questions.push(asked)
            const answer = this.bench.machine.events(asked)
            await this.hold
            return answer
          }),
      },
    }
    this.fake = makeFake({
      doors: new Map([["main", own]]),
      watching: { lookMillis: 5, pauseMillis: 0, ...watching },
      setIdleSeconds: (...given) => this.setIdleSeconds(...given),
    })
  }

  get listeners(): number {
    return this.#listening.size
  }

  /** Is in the log and applied; whoever listens is told. */
  say(...given: Parameters<typeof say>): void {
    this.bench.propose(say(...given))
    this.applied()
  }

  applied(): void {
    for (const told of this.#listening) told()
    const { index } = this.bench
    const arrived = this.waiting.filter(({ minIndex }) => minIndex <= index)
    this.waiting = this.waiting.filter(({ minIndex }) => minIndex > index)
    for (const { answer } of arrived) answer({ _tag: "Answered", body: "{}", index })
  }

  /** Nobody has told this node of what was asked for. */
  giveUp(): void {
    for (const { answer } of this.waiting.splice(0)) {
      answer({ _tag: "Failure", code: "timeout", outcome: "unknown", detail: "late" })
    }
  }

  ask(path = "/watch/speaker/a", headers: Record<string, string> = {}): Promise<Response> {
    return this.fake.ask(path, { headers })
  }

  /** A stream that has begun. */
  async watch(path = "/watch/speaker/a", headers: Record<string, string> = {}): Promise<EventStream> {
    const response = await this.ask(path, headers)
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
    return new EventStream(response, headers["last-event-id"])
  }

  async metric(name: string): Promise<number | null> {
    const text = await (await this.fake.ask("/metrics")).text()
    const line = text.split("\n").find((each) => each.startsWith(`${name} `))
    return line === undefined ? null : Number(line.slice(name.length + 1))
  }
}
