// How does a script run its steps and tell of them: one line each, and everything of those that fail?

export interface Outcome {
  readonly passed: boolean
  /** Shown when the step failed. */
  readonly output: string
}

export interface Step {
  readonly name: string
  readonly run: () => Outcome | Promise<Outcome>
}

/**
 * Runs steps beside each other and prints them in order, each when it and all before it are done.
 * Succeeds with the names of those that failed.
 */
export const runSteps = async (
  steps: ReadonlyArray<Step>,
  print: (line: string) => void,
): Promise<ReadonlyArray<string>> => {
  const width = Math.max(...steps.map((step) => step.name.length))
  const failed: Array<string> = []
  const running = steps.map((step) => timed(step))
  for (const [index, step] of steps.entries()) {
    const { outcome, millis } = await running[index]!
    print(`${outcome.passed ? "ok  " : "FAIL"} ${step.name.padEnd(width)} ${(millis / 1000).toFixed(2)} s`)
    if (outcome.passed) continue
    failed.push(step.name)
    print(indent(outcome.output))
  }
  return failed
}

const timed = async (step: Step): Promise<{ readonly outcome: Outcome; readonly millis: number }> => {
  // Children are started by all steps before the first step that computes here takes the thread.
  const beganAt = performance.now()
  const outcome = await attempt(step)
  return { outcome, millis: performance.now() - beganAt }
}

const attempt = async (step: Step): Promise<Outcome> => {
  try {
    return await step.run()
  } catch (error) {
    return { passed: false, output: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

const indent = (output: string): string =>
  output
    .trimEnd()
    .split("\n")
    .map((line) => `     ${line}`.trimEnd())
    .join("\n")

/** Runs a child with Bun itself, so that tools written for Node work where there is no Node. */
export const runBun = async (root: string, args: ReadonlyArray<string>): Promise<Outcome> => {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { passed: code === 0, output: `${stdout}${stderr}` }
}
