// All that users import to test their actors: `raftlet/testing`.

import type { Actor } from "./machine/actor.ts"
import { TestActor, type TestActorOptions } from "./simulation/TestActor.ts"
import { TestCluster, type TestClusterOptions } from "./simulation/TestCluster.ts"

/** One actor type on its own, executed by two replicas at once: see {@link TestActor}. */
export const testActor = (actor: Actor, options?: TestActorOptions): TestActor =>
  new TestActor(actor, options)

/** A whole cluster on virtual time, with everything that can go wrong at hand: see {@link TestCluster}. */
export const testCluster = (options: TestClusterOptions): TestCluster => new TestCluster(options)

export { actorModel } from "./simulation/actorModel.ts"
export type { CommandAnswer } from "./simulation/answers.ts"
export { Chance } from "./simulation/Chance.ts"
export { checkHistory } from "./simulation/checkHistory.ts"
export type { Operation } from "./simulation/history.ts"
export type { LinkWeather } from "./simulation/Link.ts"
export type { Model } from "./simulation/Model.ts"
export type { Cut } from "./simulation/script.ts"
export { TestActor, type TestActorOptions } from "./simulation/TestActor.ts"
export {
  type SurviveOptions,
  type TestAnswer,
  TestCluster,
  type TestClusterOptions,
  type TestCommand,
} from "./simulation/TestCluster.ts"
export { Violation } from "./simulation/Violation.ts"
