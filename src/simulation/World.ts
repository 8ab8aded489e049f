// What is the world made of when nothing in it is real? A list of tasks, a clock that jumps, and one seed.

import type { Clock, Random, Scheduler } from "effect"
import { Chance } from "./Chance.ts"
import { type ClockOptions, Process, plainClock } from "./Process.ts"
import { TimerHeap } from "./TimerHeap.ts"

interface Task {
  readonly process: Process
  run: () => void
}

/**
 * Runs ordinary Effect programs synchronously: no timer, no promise, no thread. Which of the runnable tasks
 * goes next, and every random number, follow from the seed; time passes only when nothing is left to do.
 * Times are whole milliseconds: fractions could make a loop of ever smaller sleeps.
 */
export class World {
  nowMillis = 0
  /** Tasks run so far, on all processes: an event each. */
  steps = 0
  readonly chance: Chance
  /** The world's own: what belongs to no node runs here, and never stands still. */
  readonly root: Process
  readonly #order: Chance
  readonly #ready: Array<Task> = []
  readonly #timers = new TimerHeap<Task>()
  #processes = 0
  #traceHigh = 0x811c9dc5
  #traceLow = 0x01000193

  constructor(seed: number) {
    this.chance = new Chance(seed)
    this.#order = this.chance.fork("order")
    this.root = this.startProcess("world")
  }

  startProcess(name: string, clock: ClockOptions = plainClock): Process {
    const number = this.#processes++
    return new Process(this, { name, number, chance: this.chance.fork(`${name} ${number}`), clock })
  }

  /** The task is runnable now. */
  schedule(process: Process, run: () => void): void {
    this.#ready.push({ process, run })
  }

  /** Runs `fire` when so many milliseconds have passed. */
  after(millis: number, fire: () => void): () => void {
    return this.afterIn(this.root, Math.max(0, Math.ceil(millis)), fire)
  }

  /** The task of a process becomes runnable after so many milliseconds of the world. */
  afterIn(process: Process, millis: number, run: () => void): () => void {
    const task: Task = { process, run }
    const timer = this.#timers.add(this.nowMillis + millis, task)
    return () => {
      timer.value = null
      // Its time may have come already, and its turn not yet.
      task.run = nothing
    }
  }

  /** Runs one task; when there is none, lets time pass to the next timers. False when nothing is left. */
  step(): boolean {
    if (this.#ready.length === 0 && !this.#passTime()) return false
    const position = this.#order.below(this.#ready.length)
    const task = this.#ready[position]!
    this.#ready[position] = this.#ready.at(-1)!
    this.#ready.pop()
    this.steps++
    this.note(task.process.number)
    task.process.run(task.run)
    return true
  }

  /** Until it is so, at most for so much virtual time. True when it became so. */
  runUntil(isSo: () => boolean, atMostMillis: number): boolean {
    const end = this.nowMillis + atMostMillis
    while (!isSo()) {
      const next = this.#ready.length > 0 ? this.nowMillis : this.#timers.nextAt()
      if (next === null || next > end) {
        // The time asked for has passed all the same.
        this.nowMillis = Math.max(this.nowMillis, end)
        return isSo()
      }
      this.step()
    }
    return true
  }

  runFor(millis: number): void {
    this.runUntil(() => false, millis)
  }

  /** Takes a fact into the trace: two runs that differ in it have different hashes. */
  note(fact: number): void {
    this.#traceHigh = Math.imul(this.#traceHigh ^ fact, 0x01000193)
    this.#traceLow = Math.imul(this.#traceLow ^ (fact + this.nowMillis), 0x5bd1e995) + 1
  }

  /** Of all that has happened so far, 16 hexadecimal digits: the same for the same seed, in any process. */
  get trace(): string {
    const hex = (half: number) => (half >>> 0).toString(16).padStart(8, "0")
    return hex(this.#traceHigh) + hex(this.#traceLow)
  }

  /** From 0 (included) to 1 (excluded). */
  draw(): number {
    return this.chance.draw()
  }

  /** A whole number from 0 to `below`, excluded. */
  drawBelow(below: number): number {
    return this.chance.below(below)
  }

  get scheduler(): Scheduler.Scheduler {
    return this.root.scheduler
  }

  get random(): Random.Random {
    return this.root.random
  }

  /** A clock of the world's time, with an offset on the wall clock. */
  clock(wallOffsetMillis: number): Clock.Clock {
    return this.startProcess("clock", { ...plainClock, wallMillis: wallOffsetMillis }).clock
  }

  /** The timers of the next point in time become runnable together: their order is drawn like any other. */
  #passTime(): boolean {
    const at = this.#timers.nextAt()
    if (at === null) return false
    this.nowMillis = Math.max(this.nowMillis, at)
    while (this.#timers.nextAt() === at) this.#ready.push(this.#timers.take()!.value!)
    return true
  }
}

const nothing = (): void => {}
