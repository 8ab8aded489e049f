// How does `cluster` hold its nodes: N processes that live and die with it?

import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { Effect, type Scope } from "effect"
import type { NodePlan } from "./clusterPlan.ts"

export interface NodeProcess {
  readonly plan: NodePlan
  readonly pid: number
  /** Where its log stood when it was started: what comes before is of earlier runs. */
  readonly logOffset: number
  /** Succeeds with words such as `exit code 1` or `signal SIGKILL`, once it is dead. */
  readonly died: Effect.Effect<string>
}

/** How long a node may take to end what it is doing before it is killed. */
const graceMillis = 8000
/** Of a log's end, that is looked at for its last lines. */
const bytesReadMax = 65_536

/**
 * Starts all nodes. When the scope closes they are asked to stop, all at once, and killed if they do not; when
 * this process is killed itself, the end of their stdin tells them.
 */
export const startNodes = (
  plans: ReadonlyArray<NodePlan>,
  program: ReadonlyArray<string>,
): Effect.Effect<ReadonlyArray<NodeProcess>, never, Scope.Scope> =>
  Effect.forEach(plans, (plan) =>
    Effect.acquireRelease(
      Effect.sync(() => spawn(plan, program)),
      // Closing a scope runs its finalizers one after the other: ask here, wait in the scope's last one.
      ({ child }) => Effect.sync(() => child.kill("SIGTERM")),
    ),
  ).pipe(
    (starting) =>
      Effect.flatMap(
        Effect.acquireRelease(
          Effect.sync(() => [] as Array<Child>),
          (children) => Effect.forEach(children, ended, { concurrency: "unbounded", discard: true }),
        ),
        (children) =>
          Effect.tap(starting, (started) =>
            Effect.sync(() => children.push(...started.map(({ child }) => child))),
          ),
      ),
    Effect.map((children) =>
      children.map(({ child, logOffset }, at) => ({
        plan: plans[at]!,
        pid: child.pid,
        logOffset,
        died: Effect.map(
          Effect.promise(() => child.exited),
          () => (child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`),
        ),
      })),
    ),
  )

/**
 * The last words of a node, for whoever wants to know why it ended; none when it has said nothing in this run. Somebody may
 * have emptied its log meanwhile: then all that is there is of this run.
 */
export const lastLines = (
  { plan, logOffset }: Pick<NodeProcess, "logOffset"> & { readonly plan: Pick<NodePlan, "log"> },
  count: number,
): ReadonlyArray<string> => {
  try {
    const log = openSync(plan.log, "r")
    try {
      const { size } = fstatSync(log)
      const own = size < logOffset ? 0 : logOffset
      const from = Math.max(own, size - bytesReadMax)
      const bytes = new Uint8Array(size - from)
      const text = new TextDecoder().decode(bytes.subarray(0, readSync(log, bytes, 0, bytes.length, from)))
      // What was cut off at its beginning is no line.
      const lines = text
        .trimEnd()
        .split("\n")
        .slice(from > own ? 1 : 0)
      return lines.slice(-count).filter((line) => line !== "")
    } finally {
      closeSync(log)
    }
  } catch {
    return []
  }
}

const spawn = (plan: NodePlan, program: ReadonlyArray<string>) => {
  const log = openSync(plan.log, "a")
  try {
    const logOffset = fstatSync(log).size
    const child = Bun.spawn([...program, ...plan.args, "--stop-with-parent"], {
      // What is meant for one node can be true of none of these.
      env: { ...process.env, RAFTLET_CLIENT: undefined, RAFTLET_JOIN: undefined },
      // A pipe that nobody writes to: it ends when this process does.
      stdin: "pipe",
      stdout: log,
      stderr: log,
    })
    return { child, logOffset }
  } finally {
    closeSync(log)
  }
}

type Child = ReturnType<typeof spawn>["child"]

const ended = (child: Child): Effect.Effect<void> =>
  Effect.promise(() => child.exited).pipe(
    Effect.timeoutOption(graceMillis),
    Effect.tap((exit) => Effect.sync(() => exit._tag === "None" && child.kill("SIGKILL"))),
    Effect.andThen(Effect.promise(() => child.exited)),
    Effect.asVoid,
  )
