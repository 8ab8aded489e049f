// What does `effect/cli` want from its host? Five services, of which our commands use next to nothing:
// they parse words and print text. So each is as small as its promise allows.

import { Effect, FileSystem, Layer, Path, Queue, Sink, Stdio, Stream, Terminal } from "effect"
import { ChildProcessSpawner } from "effect/process"

/** For flags of our own making. None reads a file, asks a question or spawns through these. */
export const layerCliServices = Layer.mergeAll(
  FileSystem.layerNoop({}),
  Path.layer,
  Layer.succeed(
    Stdio.Stdio,
    Stdio.make({
      args: Effect.sync(() => process.argv.slice(2)),
      stdinIsTerminal: Effect.sync(() => process.stdin.isTTY === true),
      stdoutIsTerminal: Effect.sync(() => process.stdout.isTTY === true),
      stderrIsTerminal: Effect.sync(() => process.stderr.isTTY === true),
      stdout: () => Sink.forEach((text) => Effect.sync(() => process.stdout.write(text))),
      stderr: () => Sink.forEach((text) => Effect.sync(() => process.stderr.write(text))),
      stdin: Stream.empty,
    }),
  ),
  Layer.succeed(
    Terminal.Terminal,
    Terminal.make({
      columns: Effect.sync(() => process.stdout.columns ?? 80),
      rows: Effect.sync(() => process.stdout.rows ?? 24),
      size: Queue.unbounded(),
      readInput: Queue.unbounded(),
      readLine: Effect.fail(new Terminal.QuitError({})),
      display: (text) => Effect.sync(() => process.stdout.write(text)),
    }),
  ),
  Layer.succeed(
    ChildProcessSpawner.ChildProcessSpawner,
    ChildProcessSpawner.make(() => Effect.die(new Error("no command spawns through effect/cli"))),
  ),
)
