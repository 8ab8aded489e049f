// How does a command line become a command, and its end an exit code?

import { Cause, Console, Effect, Exit, Fiber } from "effect"
import { CliConfig, CliOutput, Command, GlobalFlag } from "effect/cli"
import { CliFailure } from "./CliFailure.ts"
import { clusterCommand } from "./clusterCommand.ts"
import { importCommand } from "./importCommand.ts"
import { nodeCommand } from "./nodeCommand.ts"
import { operatorCommands } from "./operator/operatorCommands.ts"
import type { Platform } from "./Platform.ts"
import { restoreCommand } from "./restoreCommand.ts"
import { layerCliServices } from "./services.ts"

/**
 * Runs one command line to its exit code: 0 when it did what was asked or was told to stop, otherwise as in
 * `exitCodes`. What went wrong is one line on stderr.
 */
export const runCli = (args: ReadonlyArray<string>, platform: Platform): Effect.Effect<number> =>
  Command.runWith(commands(platform), { version: platform.version })(args).pipe(
    Effect.provide([layerCliServices, CliOutput.layerPresenter(presenter), layerConfig]),
    Effect.as(0),
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      const failure = Cause.squash(cause)
      if (failure instanceof CliFailure) {
        const { message, exitCode, document } = failure
        return (document === undefined ? Effect.void : Console.log(document)).pipe(
          Effect.andThen(Console.error(`raftlet: ${oneLine(message)}`)),
          Effect.as<number>(exitCode),
        )
      }
      // The presenter has said what is wrong with the words.
      if (hasTag(failure, "ShowHelp")) return Effect.succeed(2)
      return Effect.as(Console.error(`raftlet: a defect of ours: ${Cause.pretty(cause)}`), 1)
    }),
  )

/**
 * Runs the process's own command line. SIGINT, SIGTERM and SIGHUP end it cleanly; the second one does not wait.
 * What was meant to run until then has done its work: exit code 0. Everything else has not: 130.
 */
export const main = (args: ReadonlyArray<string>, platform: Platform): void => {
  const fiber = Effect.runFork(runCli(args, platform))
  let askedAt: number | null = null
  const stop = () => {
    // Ctrl-C reaches a node twice at once: from the terminal, and from the cluster command that it runs under.
    if (askedAt !== null && performance.now() - askedAt > sameSignalMillis) process.exit(130)
    askedAt ??= performance.now()
    Effect.runFork(Fiber.interrupt(fiber))
  }
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop)
  const runsUntilStopped = ["cluster", "node", "watch", "--watch", "--follow"].some((word) =>
    args.includes(word),
  )
  const stopped = runsUntilStopped ? 0 : 130
  fiber.addObserver((exit) => process.exit(Exit.isSuccess(exit) ? exit.value : stopped))
}

const sameSignalMillis = 1000

const commands = (platform: Platform) =>
  Command.make("raftlet").pipe(
    Command.withDescription(
      "Replicated actors: drop a reducer in actors/, run a cluster, and it is a strongly consistent service.",
    ),
    Command.withSubcommands([
      clusterCommand(platform),
      nodeCommand(platform),
      restoreCommand(platform),
      importCommand,
      ...operatorCommands(platform),
    ]),
  )

/** Help where it was asked for, and otherwise one line: a screen of help would hide what is wrong. */
const presenter: CliOutput.Presenter = {
  present: (event) => {
    switch (event._tag) {
      case "Help":
        return Console.log(formatter.formatHelpDoc(event.helpDoc))
      case "Version":
        return Console.log(formatter.formatVersion(event.name, event.version))
      case "InvalidInvocation": {
        const path = event.commandPath.join(" ")
        const [first] = event.errors
        return Console.error(`raftlet: ${oneLine(first?.message ?? "")} (see ${path} --help)`)
      }
    }
  },
}

// No wizard: our terminal asks no questions.
const layerConfig = CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.LogLevel] })

const formatter = CliOutput.defaultFormatter({ colors: false })

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, " ").trim()

const hasTag = (value: unknown, tag: string): boolean =>
  typeof value === "object" && value !== null && "_tag" in value && value._tag === tag
