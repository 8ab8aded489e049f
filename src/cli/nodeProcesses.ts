// How does `cluster` hold its nodes: N processes that live and die with it?

import { closeSync, openSync, readFileSync } from "node:fs"
import { Effect, type Scope } from "effect"
import type { NodePlan } from "./clusterPlan.ts"

export interface NodeProcess {
  readonly plan: NodePlan
  readonly pid: number
  /** Succeeds with words such as `exit code 1` or `signal SIGKILL`, once it is dead. */
  readonly died: Effect.Effect<string>
}

/** How long a node may take to end what it is doing before it is killed. */
const graceMillis = 8000

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
      (child) => Effect.sync(() => child.kill("SIGTERM")),
    ),
  ).pipe(
    (starting) =>
      Effect.flatMap(
        Effect.acquireRelease(
          Effect.sync(() => [] as Child[]),
          (children) => Effect.forEach(children, ended, { concurrency: "unbounded", discard: true }),
        ),
        (children) => Effect.tap(starting, (started) => Effect.sync(() => children.push(...started))),
      ),
    Effect.map((children) =>
      children.map((child, at) => ({
        plan: plans[at]!,
        pid: child.pid,
        died: Effect.map(
          Effect.promise(() => child.exited),
          () => (child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`),
        ),
      })),
    ),
  )

/** The last words of a node, for whoever wants to know why it ended. */
export const lastLines = (plan: NodePlan, count: number): ReadonlyArray<string> => {
  try {
    return readFileSync(plan.log, "utf8").trimEnd().split("\n").slice(-count)
  } catch {
    return []
  }
}

const spawn = (plan: NodePlan, program: ReadonlyArray<string>) => {
  const log = openSync(plan.log, "a")
  try {
    return Bun.spawn([...program, ...plan.args, "--stop-with-parent"], {
      // What is meant for one node can be true of none of these.
      env: { ...process.env, RAFTLET_CLIENT: undefined, RAFTLET_JOIN: undefined },
      // A pipe that nobody writes to: it ends when this process does.
      stdin: "pipe",
      stdout: log,
      stderr: log,
    })
  } finally {
    closeSync(log)
  }
}

type Child = ReturnType<typeof spawn>

const ended = (child: Child): Effect.Effect<void> =>
  Effect.promise(() => child.exited).pipe(
    Effect.timeoutOption(graceMillis),
    Effect.tap((exit) => Effect.sync(() => exit._tag === "None" && child.kill("SIGKILL"))),
    Effect.andThen(Effect.promise(() => child.exited)),
    Effect.asVoid,
  )
