// How does a test run a command line in its own process, without a node, and hear what it says?

import { ConfigProvider, Console, Effect } from "effect"
import { Asker, type Asking } from "../../src/cli/Asker.ts"
import { failed } from "../../src/cli/CliFailure.ts"
import { runCli } from "../../src/cli/main.ts"
import type { Platform } from "../../src/cli/Platform.ts"

export interface CommandRun {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** `environment` instead of the process's own, `person` instead of whoever sits at its terminal, `around` for what it asks of the program. */
export const runCommand = async (
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
  person: Asking = nobody,
  around: Partial<Platform> = {},
): Promise<CommandRun> => {
  const out: Array<string> = []
  const err: Array<string> = []
  const console = {
    ...globalThis.console,
    log: (text: string) => void out.push(text),
    error: (text: string) => void err.push(text),
  }
  const never = Effect.fail(failed("not here"))
  const code = await Effect.runPromise(
    runCli(args, {
      version: "0",
      program: [],
      remembered: () => never,
      isHeld: () => never,
      runNode: () => never,
      restore: () => never,
      seal: () => never,
      ...around,
    }).pipe(
      Effect.provideService(Console.Console, console),
      Effect.provideService(Asker, person),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: environment })),
    ),
  )
  return { code, out: out.join("\n"), err: err.join("\n") }
}

const nobody: Asking = { isThere: false, ask: () => Effect.die("nobody is there to be asked") }
