// What may a reducer not touch, and what does it use instead? All replicas must come to the same state from the
// same log (HAZARDS D2): what differs from node to node or from run to run is closed to them.
//
// What stays open though it looks like chance:
// - `Math.sin`, `exp`, `pow` and the like come from the C library: the last bit may differ between processors and
//   systems, not between two runs on one. `**` is syntax and calls the same code, so closing the names would close
//   nothing. All nodes of a cluster run one build of Bun on one kind of machine; checkpoints find out if not.
// - The bits of a NaN, seen through a typed array: JSON has no NaN, so none gets into a state.
// - `Promise`: what a reducer leaves behind runs after it and finds its `ctx` closed.

/** What a reducer gets that reaches for what is closed. The text is the same on every node and in every realm. */
export class NotDeterministic extends Error {
  override readonly name = "NotDeterministic"
}

/**
 * What a reducer gets that would change what all share, or would have more at once than it may. Of classes of their own:
 * what they say is ours, and lasts, as what the engine says of its errors does not (`thrown.ts`).
 */
export class SharedByAll extends TypeError {
  override readonly name = "TypeError"
}

export class TooLarge extends RangeError {
  override readonly name = "RangeError"
}

/** The refusal of one thing, as it would be written in code: `Date.now`. */
export const refusalOf = (path: string): NotDeterministic =>
  new NotDeterministic(`${path} is closed to reducers: ${adviceFor(path)}`)

/**
 * All globals that a reducer may use: what ECMAScript defines, as far as it is determined, and of the web what
 * computes and does nothing else. Every other global is closed, also one that a later Bun brings.
 */
export const openGlobals: ReadonlySet<string> = new Set(
  [
    "Infinity NaN undefined globalThis global self",
    "isFinite isNaN parseFloat parseInt decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape",
    "Array BigInt Boolean JSON Map Math Number Object Promise Proxy Reflect RegExp Set String Symbol WeakMap WeakSet",
    "AsyncDisposableStack DisposableStack Iterator",
    "AggregateError Error EvalError RangeError ReferenceError SuppressedError SyntaxError TypeError URIError",
    "ArrayBuffer DataView BigInt64Array BigUint64Array Float16Array Float32Array Float64Array",
    "Int8Array Int16Array Int32Array Uint8Array Uint8ClampedArray Uint16Array Uint32Array",
    "TextDecoder TextEncoder URL URLSearchParams atob btoa structuredClone",
  ].flatMap((names) => names.split(" ")),
)

/** Of `Date.prototype`: UTC, and what does not depend on where a node stands. */
export const isOpenDateMethod = (name: string): boolean =>
  /^(?:[gs]etUTC\w+|[gs]etTime|valueOf|toISOString|toJSON|toUTCString|toGMTString|constructor)$/.test(name)

/** Methods of open things that depend on the machine, its settings or its memory. */
export const closedMethods: ReadonlyArray<readonly [holder: string, names: ReadonlyArray<string>]> = [
  ["Math", ["random"]],
  ["URL", ["createObjectURL", "revokeObjectURL"]],
  ["String.prototype", ["localeCompare", "toLocaleLowerCase", "toLocaleUpperCase"]],
  ["Number.prototype", ["toLocaleString"]],
  ["BigInt.prototype", ["toLocaleString"]],
  ["Array.prototype", ["toLocaleString"]],
]

/**
 * Of effect's modules those, or those members of them, that are not for reducers; a module by its name alone. What
 * effect keeps in its own modules it keeps for all actors of a process, and for all their calls.
 */
export const closedOfEffect = [
  ["keep it in the state", "Metric", "Request", "RequestResolver", "Effect.request", "Effect.requestUnsafe"],
  ["keep it in the state", "Version.setCurrentVersion"],
  ["use a codec to JSON: its bytes lie in one buffer with those of others", "SchemaBinary"],
  ...[
    "Cache Channel ChannelSchema Deferred ExecutionPlan Fiber FiberHandle FiberMap FiberSet Latch LayerMap LayerRef",
    "ManagedRuntime PartitionedSemaphore Pool PubSub Pull Queue RcMap RcRef Resource Runtime Scheduler ScopedCache",
    "ScopedRef Semaphore Sink Stream SubscriptionRef SynchronizedRef Take",
    "TxChunk TxDeferred TxHashMap TxHashSet TxPriorityQueue TxPubSub TxQueue TxReentrantLock TxRef TxSemaphore",
    "TxSubscriptionRef Effect.cached Effect.cachedWithTTL Effect.cachedInvalidateWithTTL",
  ].map((names) => ["a reducer computes at once, and alone", ...names.split(" ")] as const),
  ["what touches the world belongs into `leading`", "FileSystem", "Stdio", "Terminal"],
  ["that is for tests alone", "Arbitrary"],
] as const

/** What to use instead, by path or by the beginning of a path. */
const advice: ReadonlyMap<string, string> = new Map(
  (
    [
      ["use ctx.now", "Date", "performance", "Temporal", "process.hrtime", "Bun.nanoseconds"],
      ["use new Date(ctx.now)", "new Date()"],
      ["use new Date(ctx.now).toISOString()", "Date()"],
      ["it is another moment in another time zone: use Date.UTC", "new Date(year, month)"],
      ["write ISO 8601 with a zone, as 2026-01-01T00:00:00Z", "Date.parse without a time zone"],
      ["use its UTC twin, as getUTCHours or toISOString", "Date.prototype"],
      ["use ctx.random", "Math.random", "crypto"],
      ["use ctx.uuid", "crypto.randomUUID", "Bun.randomUUIDv5", "Bun.randomUUIDv7"],
      ["use ctx.schedule", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "process.nextTick"],
      ["use ctx.schedule", "Bun.sleep", "Bun.sleepSync"],
      [
        "what touches the world belongs into `leading`",
        "fetch",
        "Bun.fetch",
        "Request",
        "Response",
        "Headers",
      ],
      ["what touches the world belongs into `leading`", "WebSocket", "EventSource", "BroadcastChannel"],
      ["write it without a locale: compare with < and >, format by hand", "Intl", "String.prototype"],
      ["write it without a locale: format by hand", "Number.prototype", "BigInt.prototype"],
      ["write it without a locale: format by hand", "Array.prototype", "TypedArray.prototype"],
      ["a reducer is made of the code that was registered", "eval", "Function", "AsyncFunction"],
      ["a reducer is made of the code that was registered", "GeneratorFunction", "AsyncGeneratorFunction"],
      ["a reducer is made of the code that was registered", "ShadowRealm", "WebAssembly"],
      ["import it at the top of the file", "require"],
      ["a reducer runs alone", "Worker", "SharedArrayBuffer", "Atomics", "MessageChannel"],
      ["keep it in the state: nodes collect garbage when they like", "WeakRef", "FinalizationRegistry"],
      ["use what match or exec gives", "RegExp"],
      ["use Uint8Array, TextEncoder and TextDecoder", "Buffer"],
      ...closedOfEffect,
    ] as const
  ).flatMap(([instead, ...paths]) => paths.map((path) => [path, instead] as const)),
)

export const adviceFor = (path: string): string => {
  for (let end = path.length; end > 0; end = path.lastIndexOf(".", end - 1)) {
    const found = advice.get(path.slice(0, end))
    if (found !== undefined) return found
  }
  return "a reducer reaches nothing but its state, its input and its ctx"
}
