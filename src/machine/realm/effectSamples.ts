// What of effect does nothing that it exports lead to? Classes and prototypes of what its functions make, and values
// that they make once for all. To freeze them one has to have one of each.

import * as effect from "effect"
import * as encoding from "effect/encoding"

/** One of each, made in the closed realm; whoever has them has all that hangs on them. */
export const effectSamples = (): ReadonlyArray<unknown> => {
  const values = [...ofCollections(), ...ofValues()]
  return [...values, ...values.flatMap(used), ...ofEffects(), ...ofServices(), ...ofSchemas()]
}

/** What is made at the first use must be there before nothing can be added any more. */
const used = (sample: unknown): ReadonlyArray<unknown> => {
  const { Equal, Hash } = effect
  const uses = [
    () => Hash.hash(sample),
    () => Equal.equals(sample, [sample]),
    () => JSON.stringify(sample),
    () => (sample as Iterable<unknown>)[Symbol.iterator](),
  ]
  return uses.map(made)
}

const ofEffects = (): ReadonlyArray<unknown> => {
  const {
    Cause,
    Context,
    Effect,
    Effectable,
    Exit,
    Layer,
    Match,
    Option,
    Redactable,
    Ref,
    Result,
    Schedule,
    Scope,
  } = effect
  const service = Context.Service<number>("raftlet/sample")
  const boom = (): never => {
    throw new Error("sample")
  }
  const parts = [
    Effect.sync(() => 1),
    Effect.suspend(() => Effect.void),
    Effect.yieldNow,
    Effect.yieldNowWith(0),
    Effect.never,
    Effect.callback(() => {}),
    Effect.callback(() => Effect.void),
    Effect.gen(function* () {
      yield* Effect.void
    }),
    Effect.fn(function* () {
      yield* Effect.void
    })(),
    Effect.fnUntraced(function* () {
      yield* Effect.void
    })(),
    Effect.withFiber((fiber) => Effect.succeed(fiber)),
    Effect.withFiberSucceed((fiber) => fiber),
    Effect.whileLoop({ while: () => false, body: () => Effect.void, step: () => {} }),
    Effect.interruptible(Effect.uninterruptible(Effect.sync(() => 1))),
    Effect.uninterruptibleMask((restore) => restore(Effect.sync(() => 1))),
    Effect.map(
      Effect.sync(() => 1),
      String,
    ),
    Effect.as(
      Effect.sync(() => 1),
      2,
    ),
    Effect.flatMap(
      Effect.sync(() => 1),
      Effect.succeed,
    ),
    Effect.andThen(
      Effect.sync(() => 1),
      Effect.void,
    ),
    Effect.tap(
      Effect.sync(() => 1),
      Effect.void,
    ),
    Effect.tap(
      Effect.sync(() => 1),
      () => Effect.void,
    ),
    Effect.andThen(
      Effect.sync(() => 1),
      () => Effect.void,
    ),
    Effect.exit(Effect.sync(() => 1)),
    Effect.result(Effect.sync(() => 1)),
    Effect.option(Effect.sync(() => 1)),
    Effect.isSuccess(Effect.sync(() => 1)),
    Effect.isFailure(Effect.sync(() => 1)),
    Effect.catch(Effect.sync(boom), () => Effect.void),
    Effect.catchCause(Effect.sync(boom), () => Effect.void),
    Effect.catchDefect(Effect.sync(boom), () => Effect.void),
    Effect.catchNoSuchElement(Effect.sync(() => 1)),
    Effect.mapError(Effect.fail(1), String),
    Effect.match(
      Effect.sync(() => 1),
      { onSuccess: String, onFailure: String },
    ),
    Effect.matchEffect(
      Effect.sync(() => 1),
      { onSuccess: Effect.succeed, onFailure: Effect.succeed },
    ),
    Effect.matchCause(
      Effect.sync(() => 1),
      { onSuccess: String, onFailure: String },
    ),
    Effect.matchCauseEffect(
      Effect.sync(() => 1),
      { onSuccess: Effect.succeed, onFailure: Effect.succeed },
    ),
    Effect.matchEager(
      Effect.sync(() => 1),
      { onSuccess: String, onFailure: String },
    ),
    Effect.ensuring(
      Effect.sync(() => 1),
      Effect.void,
    ),
    Effect.onExit(
      Effect.sync(() => 1),
      () => Effect.void,
    ),
    Effect.acquireUseRelease(
      Effect.void,
      () => Effect.void,
      () => Effect.void,
    ),
    Effect.scoped(Effect.addFinalizer(() => Effect.void)),
    Effect.forkChild(Effect.void),
    Effect.forkChild(Effect.never),
    Effect.forkDetach(Effect.never),
    Effect.forEach([1, 2], Effect.succeed, { concurrency: 2 }),
    Effect.all([Effect.succeed(1), Effect.succeed(2)]),
    Effect.provideService(service, service, 1),
    Effect.provide(Effect.void, Layer.empty),
    Effect.repeat(Effect.void, Schedule.recurs(1)),
    Effect.retry(Effect.fail(1), Schedule.recurs(1)),
    Effect.try(boom),
    Effect.fail(1),
    Effect.die(1),
    Effect.interrupt,
    Effect.fromNullishOr(null),
    Effect.ensuring(Effect.never, Effect.void),
  ]
  const causes = [Cause.empty, Cause.fail(1), Cause.die(1), Cause.interrupt(1), Cause.interrupt()]
  return [
    ...parts,
    ...(parts as ReadonlyArray<effect.Effect.Effect<unknown, unknown>>).map((part) =>
      Effect.runSyncExit(part),
    ),
    ...causes,
    ...causes.map(Cause.interruptors),
    Cause.Done(),
    Cause.done(),
    Exit.void,
    Exit.fail(1),
    Effectable.Prototype({ label: "Sample", evaluate: () => Effect.void }),
    service,
    Context.empty(),
    Context.make(service, 1),
    Context.Reference("raftlet/sample", { defaultValue: () => 1 }),
    Layer.empty,
    Layer.succeed(service, 1),
    Layer.effect(service, Effect.succeed(1)),
    Layer.fresh(Layer.empty),
    Layer.makeMemoMapUnsafe(),
    Match.value(1),
    Match.type<number>(),
    Option.none(),
    Option.some(1),
    Redactable.getRedacted({ [Redactable.symbolRedactable]: (context: unknown) => context }),
    Ref.makeUnsafe(1),
    Result.fail(1),
    Result.succeed(1),
    Schedule.recurs(1),
    Schedule.forever,
    Schedule.identity(),
    Scope.makeUnsafe(),
  ]
}

const ofCollections = (): ReadonlyArray<unknown> => {
  const {
    Chunk,
    Graph,
    HashMap,
    HashRing,
    HashSet,
    Iterable,
    MutableHashMap,
    MutableHashSet,
    MutableList,
    MutableRef,
    Trie,
  } = effect
  const numbers = Array.from({ length: 40 }, (_, at) => at)
  // Two texts of one hash, of as many as fill each kind of node.
  const maps = [[], [1], ["Aa", "BB"], [1, 2, 3], numbers].map((keys) =>
    HashMap.fromIterable(keys.map((key) => [key, key] as const)),
  )
  const chunks = [Chunk.empty<number>(), Chunk.of(1), Chunk.make(1, 2, 3)]
  const [, , three] = chunks
  const graph = Graph.directed<number, number>((one) => {
    const from = Graph.addNode(one, 1)
    Graph.addEdge(one, from, Graph.addNode(one, 2), 3)
  })
  return [
    ...maps,
    ...maps.map(HashMap.beginMutation),
    ...maps.flatMap((map) => [HashMap.keys(map), HashMap.values(map), HashMap.entries(map)]),
    HashSet.make(1),
    HashSet.empty(),
    ...chunks,
    Chunk.appendAll(three!, three!),
    Chunk.drop(Chunk.fromIterable(numbers), 20),
    Chunk.reverse(three!),
    graph,
    Graph.undirected(),
    Graph.beginMutation(graph),
    Graph.dfs(graph),
    Graph.nodes(graph),
    HashRing.make(),
    Iterable.empty(),
    Iterable.empty()[Symbol.iterator](),
    MutableHashMap.make([{}, 1], [1, 1]),
    MutableHashSet.make(1),
    MutableList.make(),
    MutableRef.make(1),
    Trie.make(["a", 1]),
    Trie.empty(),
    Trie.keys(Trie.make(["a", 1])),
  ]
}

const ofValues = (): ReadonlyArray<unknown> => {
  const {
    BigDecimal,
    Cron,
    Data,
    DateTime,
    Duration,
    Glob,
    Newtype,
    Optic,
    Redacted,
    Result,
    SemVer,
    SemVerRange,
  } = effect
  const at = DateTime.makeUnsafe(0)
  return [
    BigDecimal.fromNumberUnsafe(1.5),
    BigDecimal.sumAll([]),
    BigDecimal.multiplyAll([]),
    Cron.parseUnsafe("* * * * *"),
    new Data.Class<{ readonly a: number }>({ a: 1 }),
    at,
    DateTime.setZoneOffset(at, 0),
    DateTime.zoneMakeOffset(0),
    Duration.seconds(1),
    Glob.make("*"),
    Newtype.makeIso(),
    Optic.id<{ readonly a?: number; readonly b: ReadonlyArray<number> }>(),
    Optic.id<{ readonly a: number }>().key("a"),
    Optic.fromChecks(effect.Schema.isInt()),
    Optic.makeLens(
      () => 1,
      () => 2,
    ),
    Optic.makePrism(
      () => Result.succeed(1),
      () => 2,
    ),
    Optic.makeOptional(
      () => Result.succeed(1),
      () => Result.succeed(1),
    ),
    Redacted.make(1),
    SemVer.parse("1.2.3"),
    SemVerRange.parse("^1.2.3"),
    effect.String.linesIterator("a"),
    effect.String.linesWithSeparators("a"),
  ]
}

const ofServices = (): ReadonlyArray<unknown> => {
  const { Config, ConfigProvider, Effect, ErrorReporter, Logger, Random, Tracer } = effect
  return [
    Config.String("a"),
    ConfigProvider.fromUnknown({}),
    ErrorReporter.getAttributes(new Error("sample")),
    ErrorReporter.make(() => {}),
    Logger.make(() => {}),
    Tracer.externalSpan({ spanId: "a", traceId: "b" }),
    Effect.runSyncExit(Random.withSeed(Random.next, "sample")),
  ]
}

/** What is made once for all schemas; what is derived of one that all share, see fixedContents.ts. */
const ofSchemas = (): ReadonlyArray<unknown> => {
  const { Filter, Schema, SchemaRepresentation, SchemaTransformation } = effect
  const flags = [undefined, false, true]
  const options = flags.flatMap((includeStack) =>
    flags.map((excludeCause) => ({ includeStack, excludeCause })),
  )
  const simple = [
    Schema.String,
    Schema.Number,
    Schema.Int,
    Schema.Boolean,
    Schema.BigInt,
    Schema.Null,
    Schema.Symbol,
  ]
  const codecs = "flip toCodecJson toCodecStringTree toCodecIso toCodecGoJson toEquivalence optional"
  const makers: ReadonlyArray<() => unknown> = [
    ...derived(Schema, codecs, simple),
    () => Schema.decodeEffect(Schema.NumberFromString)("1"),
    () => Schema.encodeEffect(Schema.NumberFromString)(1),
    () => Reflect.apply(Schema.decodeEffect(Schema.NumberFromString), undefined, [1]),
    ...derived(Schema, "ErrorInstance Defect", [undefined, ...options]),
    ...derived(SchemaRepresentation, "fromJson fromJsonMultiDocument toJson toJsonMultiDocument", [
      undefined,
    ]),
    ...derived(SchemaTransformation, "errorFromJsonError", [undefined]),
    ...derived(effect.Array, "getReadonlyReducerConcat", [undefined]),
    () => Reflect.apply(Filter.reason, undefined, []),
    () => Reflect.apply(Filter.tagged, undefined, []),
    ...derived(encoding.Zip, "directory", ["a"]),
  ]
  return makers.map(made)
}

const derived = (module: object, names: string, from: ReadonlyArray<unknown>): ReadonlyArray<() => unknown> =>
  names.split(" ").flatMap((name) => from.map((one) => () => Reflect.get(module, name)(one)))

const made = (make: () => unknown): unknown => {
  try {
    return make()
  } catch (error) {
    return error
  }
}
