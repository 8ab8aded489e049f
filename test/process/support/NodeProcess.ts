// How is a node run as a process of its own, killed, started again, and asked about itself?

import { closeSync, openSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Hopeless, until } from "./wait.ts"

export interface GroupReport {
  readonly group: string
  readonly role: string
  readonly term: number
  readonly leader: string | null
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly firstIndex: number
  readonly lastIndex: number
  readonly snapshotIndex: number
  readonly standing: string
  readonly ready: boolean
  readonly parted: { readonly reason: string; readonly index: number; readonly since: number } | null
  readonly checkpoint: { readonly index: number; readonly hash: string } | null
}

export interface NodeReport {
  readonly id: string
  readonly clusterId: string
  readonly pid: number
  readonly groups: ReadonlyArray<GroupReport>
}

/** Where a node lives, and how it finds the others. */
export interface Place {
  readonly id: string
  /** `HOST:PORT` where clients reach it. */
  readonly clientAddress: string
  readonly peerPort: number
  /** As `--cluster` takes it; each node may know the others by other addresses. */
  readonly members: string
  /** Instead: of whom it asks to be taken in, as `--join` takes it. */
  readonly join?: string
  /** `HOST` that it tells others to find it at, when it joins; loopback when not given. */
  readonly peerHost?: string
  /** Words before its command: what it runs inside of. */
  readonly inside?: ReadonlyArray<string>
  /** Further flags of its first start. */
  readonly flags?: ReadonlyArray<string>
}

/** What a node finds in its environment, besides what stands in this one's. */
export type Environment = Readonly<Record<string, string>>

/** How a process ended: its exit code, or the name of the signal. */
export type End = number | NodeJS.Signals

export const program = join(import.meta.dir, "../../../src/main.ts")

/** Whatever happens to this process, none of these outlives it. */
const alive = new Set<Bun.Subprocess>()
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL")
})

/** Runs the program to its end, for commands that end. */
export const runProgram = async (
  args: ReadonlyArray<string>,
  place: { readonly cwd?: string; readonly env?: Record<string, string | undefined> } = {},
): Promise<{ readonly end: End; readonly stdout: string; readonly stderr: string }> => {
  const child = Bun.spawn([process.execPath, program, ...args], { ...place, stdout: "pipe", stderr: "pipe" })
  alive.add(child)
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  await child.exited
  alive.delete(child)
  return { end: endOf(child), stdout, stderr }
}

export class NodeProcess {
  readonly id: string
  readonly url: string
  readonly peerPort: number
  readonly data: string
  readonly #logPath: string
  readonly #command: ReadonlyArray<string>
  readonly #firstArgs: ReadonlyArray<string>
  readonly #environment: Environment
  #child: Bun.Subprocess | null = null
  #hasRun = false

  constructor(
    place: Place,
    options: { readonly directory: string; readonly actors: string; readonly environment?: Environment },
  ) {
    const { id, clientAddress } = place
    this.#environment = options.environment ?? {}
    this.id = id
    this.url = `http://${clientAddress}`
    this.peerPort = place.peerPort
    this.data = join(options.directory, id)
    this.#logPath = join(options.directory, `${id}.log`)
    this.#command = [...(place.inside ?? []), process.execPath, program, "node", "--data", this.data]
    this.#firstArgs = [
      ...["--id", id, "--listen", clientAddress, "--actors", options.actors],
      ...(place.join === undefined
        ? ["--cluster", place.members]
        : ["--join", place.join, "--peer-listen", `${place.peerHost ?? "127.0.0.1"}:${place.peerPort}`]),
      ...(place.flags ?? []),
    ]
  }

  get isRunning(): boolean {
    return this.#child !== null
  }

  /** How it ended by itself; null while it runs, and when it was ended. */
  get fate(): End | null {
    const { exitCode, signalCode } = this.#child ?? {}
    return signalCode ?? exitCode ?? null
  }

  get pid(): number {
    if (this.#child === null) throw new Error(`${this.id} does not run`)
    return this.#child.pid
  }

  /** The first time with all that it needs to know, ever after with its data directory alone. */
  start(options: { readonly asNew?: boolean } = {}): void {
    if (this.#child !== null) throw new Error(`${this.id} runs already`)
    const words = this.#hasRun && options.asNew !== true ? [] : this.#firstArgs
    const log = openSync(this.#logPath, "a")
    try {
      const child = Bun.spawn(
        [...this.#command, ...words, "--stop-with-parent"],
        // A pipe that nobody writes to ends when this process does, and the node with it.
        { stdin: "pipe", stdout: log, stderr: log, env: { ...process.env, ...this.#environment } },
      )
      alive.add(child)
      child.exited.then(() => alive.delete(child))
      this.#child = child
    } finally {
      closeSync(log)
    }
    this.#hasRun = true
  }

  /** Sends the signal and waits for the end. */
  async kill(signal: "SIGKILL" | "SIGTERM"): Promise<End> {
    this.signal(signal)
    return this.ended()
  }

  signal(signal: NodeJS.Signals): void {
    this.#expectAlive()
    process.kill(this.pid, signal)
  }

  /** Ends it, whatever it is doing. */
  async remove(): Promise<void> {
    const child = this.#child
    if (child === null) return
    this.#child = null
    child.kill("SIGKILL")
    await child.exited
  }

  /** Waits until the process has ended by itself. */
  async ended(millisMax = 15_000): Promise<End> {
    const child = this.#child
    if (child === null) throw new Error(`${this.id} does not run`)
    await until(`${this.id} to end`, () => (child.exitCode ?? child.signalCode) !== null || null, millisMax)
    this.#child = null
    return endOf(child)
  }

  /** What it has said of itself so far, in all its processes. */
  said(): string {
    return readFileSync(this.#logPath, "utf8")
  }

  async report(): Promise<NodeReport> {
    this.#expectAlive()
    const response = await fetch(`${this.url}/admin/node`, { signal: AbortSignal.timeout(1000) })
    return (await response.json()) as NodeReport
  }

  async group(): Promise<GroupReport> {
    return (await this.report()).groups[0]!
  }

  /** Knows a leader and has what was committed. */
  async ready(millisMax = 20_000): Promise<GroupReport> {
    return until(
      `${this.id} to be ready`,
      async () => {
        const group = await this.group()
        const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(1000) })
        return group.ready && answer.ok ? group : null
      },
      millisMax,
    )
  }

  #expectAlive(): void {
    if (this.fate !== null) throw new Hopeless(`${this.id} has ended by itself: ${this.fate}`)
  }

  /** Everything that it has said, over all its runs. */
  log(): string {
    try {
      return readFileSync(this.#logPath, "utf8")
    } catch {
      return ""
    }
  }
}

const endOf = (child: Bun.Subprocess): End => child.signalCode ?? child.exitCode ?? 0
