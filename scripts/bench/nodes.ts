// Where does a benchmark get its cluster? Three real processes on loopback, in a directory of their own.

import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const program = join(import.meta.dir, "..", "..", "src", "main.ts")

export interface BenchNode {
  readonly id: string
  readonly port: number
  process: Bun.Subprocess | null
}

/** A cluster that its owner starts, kills and removes. */
export class BenchCluster {
  readonly directory = mkdtempSync(join(tmpdir(), "raftlet-bench-"))
  readonly nodes: ReadonlyArray<BenchNode>
  readonly #members: string
  readonly #more: ReadonlyArray<string>
  /** A directory for the actors: whoever measures writes them before a node is started. */
  readonly actors: string

  /** `flags`: what each node is started with besides. */
  constructor(size: number, firstPort: number, flags: ReadonlyArray<string> = []) {
    this.#more = flags
    this.actors = join(this.directory, "actors")
    mkdirSync(this.actors)
    this.nodes = Array.from({ length: size }, (_, at) => ({
      id: `n${at + 1}`,
      port: firstPort + at,
      process: null,
    }))
    this.#members = this.nodes.map(({ id, port }) => `${id}=127.0.0.1:${port + 1000}`).join(",")
  }

  start(node: BenchNode): void {
    const log = openSync(join(this.directory, `${node.id}.log`), "a")
    node.process = Bun.spawn({
      cmd: [
        process.execPath,
        program,
        "node",
        `--id=${node.id}`,
        `--cluster=${this.#members}`,
        `--listen=127.0.0.1:${node.port}`,
        `--data=${join(this.directory, node.id)}`,
        `--actors=${this.actors}`,
        ...this.#more,
      ],
      stdin: "ignore",
      stdout: log,
      stderr: log,
    })
  }

  async kill(node: BenchNode): Promise<void> {
    node.process?.kill("SIGKILL")
    await node.process?.exited
    node.process = null
  }

  /** The node that leads and serves. */
  async leader(atMostMillis = 15_000): Promise<BenchNode> {
    const end = performance.now() + atMostMillis
    while (performance.now() < end) {
      for (const node of this.nodes) {
        if (node.process === null) continue
        const status = await statusOf(node).catch(() => null)
        if (status?.role === "leader" && status.ready) return node
      }
      await Bun.sleep(20)
    }
    throw new Error(`no leader; the nodes' last words:\n${this.lastWords()}`)
  }

  async remove(): Promise<void> {
    for (const node of this.nodes) await this.kill(node)
    rmSync(this.directory, { recursive: true, force: true })
  }

  lastWords(): string {
    return this.nodes
      .map(({ id }) =>
        readFileSync(join(this.directory, `${id}.log`), "utf8")
          .split("\n")
          .slice(-5)
          .join("\n"),
      )
      .join("\n")
  }
}

interface Status {
  readonly role: string
  readonly ready: boolean
  readonly appliedIndex: number
  readonly commitIndex: number
}

export const statusOf = async (node: BenchNode): Promise<Status> => {
  const response = await fetch(`http://127.0.0.1:${node.port}/admin/node`, {
    signal: AbortSignal.timeout(1000),
  })
  const { groups } = (await response.json()) as { readonly groups: ReadonlyArray<Status> }
  return groups[0]!
}

/** A group, as a node knows it. */
export interface Standing {
  readonly group: string
  readonly leader: string | null
  readonly ready: boolean
  readonly resting: boolean
  readonly appliedIndex: number
}

/** `main` first. None when the node does not answer. */
export const standingsOf = async ({ port }: BenchNode): Promise<ReadonlyArray<Standing>> => {
  try {
    const signal = AbortSignal.timeout(10_000)
    const response = await fetch(`http://127.0.0.1:${port}/admin/node`, { signal })
    return ((await response.json()) as { readonly groups: ReadonlyArray<Standing> }).groups
  } catch {
    return []
  }
}

/** `NAME value` lines of a node's metrics, by name and labels. */
export const metricsOf = async (node: BenchNode): Promise<ReadonlyMap<string, number>> => {
  const text = await (await fetch(`http://127.0.0.1:${node.port}/metrics`)).text()
  const pairs = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
  return new Map(
    pairs.map((line) => [
      line.slice(0, line.lastIndexOf(" ")),
      Number(line.slice(line.lastIndexOf(" ") + 1)),
    ]),
  )
}
