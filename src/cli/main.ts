// How does a command line become a command, and its end an exit code?

import { Cause, Console, Effect, Exit, Fiber } from "effect"
import { CliConfig, CliOutput, Command, GlobalFlag } from "effect/cli"
import { CliFailure } from "./CliFailure.ts"
import { clusterCommand } from "./clusterCommand.ts"
import { importCommand } from "./importCommand.ts"
import { nodeCommand } from "./nodeCommand.ts"
import type { Platform } from "./Platform.ts"
import { restoreCommand } from "./restoreCommand.ts"
import { layerCliServices } from "./services.ts"

/**
 * Runs one command line to its exit code: 0 when it did what was asked or was told to stop, 2 when what was
 * asked cannot be, 1 when it failed. What went wrong is one line on stderr.
 */
export const runCli = (args: ReadonlyArray<string>, platform: Platform): Effect.Effect<number> =>
  Command.runWith(commands(platform), { version: platform.version })(args).pipe(
    Effect.provide([layerCliServices, CliOutput.layerPresenter(presenter), layerConfig]),
    Effect.as(0),
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      const failure = Cause.squash(cause)
      if (failure instanceof CliFailure) {
        return Effect.as(Console.error(`raftlet: ${oneLine(failure.message)}`), failure.exitCode)
      }
      // The presenter has said what is wrong with the words.
      if (hasTag(failure, "ShowHelp")) return Effect.succeed(2)
      return Effect.as(Console.error(`raftlet: a defect of ours: ${Cause.pretty(cause)}`), 1)
    }),
  )

/**
 * Runs the process's own command line. SIGINT, SIGTERM and SIGHUP end it cleanly; the second one does not wait.
 * What was meant to run until then has done its work: exit code 0. An import or a restore has not: 130.
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
  const command = args.find((word) => [...endless, ...finite].includes(word)) ?? ""
  const stopped = finite.includes(command) ? 130 : 0
  fiber.addObserver((exit) => process.exit(Exit.isSuccess(exit) ? exit.value : stopped))
}

const sameSignalMillis = 1000
const endless = ["cluster", "node"]
const finite = ["import-access-log", "restore"]

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
