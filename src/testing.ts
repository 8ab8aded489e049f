// All that users import to test their actors: `raftlet/testing`.

import { Effect } from "effect"
import type { Actor } from "./machine/actor.ts"
import type { StateOf } from "./machine/actorTypes.ts"
import { bundleActor } from "./machine/bundle.ts"
import { type ActorCode, ActorFile } from "./simulation/Codes.ts"
import { TestActor, type TestActorOptions } from "./simulation/TestActor.ts"
import { TestCluster, type TestClusterOptions } from "./simulation/TestCluster.ts"

/** One actor type on its own, executed by two replicas at once: see {@link TestActor}. */
export const testActor = <A extends Actor>(
  actor: ActorCode<A>,
  options?: TestActorOptions<StateOf<A>>,
): TestActor<A> => new TestActor(actor, options)

/** A whole cluster on virtual time, with everything that can go wrong at hand: see {@link TestCluster}. */
export const testCluster = (options: TestClusterOptions): TestCluster => new TestCluster(options)

/**
 * The actor of a file, bundled as a node bundles it: `actorFile<typeof counter>("actors/counter.ts")`. Each replica
 * evaluates it for itself, and again whenever it restarts. Fails with what is wrong with the file.
 */
export const actorFile = <A extends Actor = Actor>(path: string): Promise<ActorFile<A>> =>
  Effect.runPromise(Effect.map(bundleActor(path), (module) => new ActorFile<A>(module)))

export { actorModel } from "./simulation/actorModel.ts"
export type { CommandAnswer } from "./simulation/answers.ts"
export { Chance } from "./simulation/Chance.ts"
export { type ActorCode, ActorFile } from "./simulation/Codes.ts"
export { checkHistory } from "./simulation/checkHistory.ts"
export { checkMigration, type MigrationOptions, type MigrationReport } from "./simulation/checkMigration.ts"
export type { Operation } from "./simulation/history.ts"
export type { LinkWeather } from "./simulation/Link.ts"
export type { Model } from "./simulation/Model.ts"
export type { RecordedCommand, RecordedInstance } from "./simulation/recorded.ts"
export {
  type Replay,
  type ReplayedCommand,
  type ReplayOptions,
  replayCommands,
} from "./simulation/replayCommands.ts"
export type { Cut } from "./simulation/script.ts"
export { type CommandOptions, TestActor, type TestActorOptions } from "./simulation/TestActor.ts"
export {
  type SurviveOptions,
  type TestAnswer,
  TestCluster,
  type TestClusterOptions,
  type TestCommand,
} from "./simulation/TestCluster.ts"
export { Violation } from "./simulation/Violation.ts"
