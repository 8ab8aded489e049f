// What may a module try, and what comes of it? Expressions as a user would write them, run by realm.test.ts in
// every kind of realm.

/** What is closed, by every way to it that we know of: an expression, and the path that the refusal names. */
export const closed: ReadonlyArray<readonly [expression: string, path: string]> = [
  // The clock.
  ["Date.now()", "Date.now"],
  ["new Date()", "new Date()"],
  ["Date()", "Date()"],
  ["globalThis.Date.now()", "Date.now"],
  ["(0, Reflect.get(globalThis, 'Date').now)()", "Date.now"],
  ["new (new Date(0).constructor)()", "new Date()"],
  ["Reflect.construct(Date, [])", "new Date()"],
  ["new (class extends Date {})()", "new Date()"],
  ["Date.now.call(null)", "Date.now"],
  ["Object.getOwnPropertyDescriptor(Date, 'now').value()", "Date.now"],
  ["performance.now()", "performance.now"],
  ["performance.timeOrigin", "performance.timeOrigin"],
  ["process.hrtime()", "process.hrtime"],
  ["process.uptime()", "process.uptime"],
  ["Temporal.Now.instant()", "Temporal.Now"],
  ["new Event('x').timeStamp", "Event"],
  // Where a node stands.
  ["new Date(2020, 1)", "new Date(year, month)"],
  ["new Date('2020-01-01T00:00')", "Date.parse without a time zone"],
  ["Date.parse('Jan 1 2020')", "Date.parse without a time zone"],
  ["new Date(0).getHours()", "Date.prototype.getHours"],
  ["new Date(0).getTimezoneOffset()", "Date.prototype.getTimezoneOffset"],
  ["new Date(0).setHours(1)", "Date.prototype.setHours"],
  ["new Date(0).toLocaleString()", "Date.prototype.toLocaleString"],
  ["String(new Date(0))", "Date.prototype.toString"],
  ["`${[new Date(0)]}`", "Date.prototype.toString"],
  ["Date.prototype.getDay.call(new Date(0))", "Date.prototype.getDay"],
  ["Intl.DateTimeFormat().resolvedOptions().timeZone", "Intl.DateTimeFormat"],
  ["new Intl.NumberFormat('de').format(1.5)", "Intl.NumberFormat"],
  ["(1.5).toLocaleString()", "Number.prototype.toLocaleString"],
  ["1n.toLocaleString()", "BigInt.prototype.toLocaleString"],
  ["[1.5].toLocaleString()", "Array.prototype.toLocaleString"],
  ["new Uint8Array(1).toLocaleString()", "TypedArray.prototype.toLocaleString"],
  ["'a'.localeCompare('b')", "String.prototype.localeCompare"],
  ["['a', 'b'].sort((a, b) => a.localeCompare(b))", "String.prototype.localeCompare"],
  ["'i'.toLocaleUpperCase('tr')", "String.prototype.toLocaleUpperCase"],
  // Chance.
  ["Math.random()", "Math.random"],
  ["Reflect.get(Math, 'random')()", "Math.random"],
  ["crypto.randomUUID()", "crypto.randomUUID"],
  ["crypto.getRandomValues(new Uint8Array(1))", "crypto.getRandomValues"],
  ["crypto.subtle", "crypto.subtle"],
  ["globalThis.crypto.randomUUID()", "crypto.randomUUID"],
  // Later.
  ["setTimeout(() => {}, 1)", "setTimeout"],
  ["setInterval(() => {}, 1)", "setInterval"],
  ["setImmediate(() => {})", "setImmediate"],
  ["queueMicrotask(() => {})", "queueMicrotask"],
  ["clearTimeout(1)", "clearTimeout"],
  ["process.nextTick(() => {})", "process.nextTick"],
  ["AbortSignal.timeout(1)", "AbortSignal.timeout"],
  // The world.
  ["fetch('http://localhost')", "fetch"],
  ["globalThis['fet' + 'ch']('http://localhost')", "fetch"],
  ["new WebSocket('ws://localhost')", "WebSocket"],
  ["new Request('http://localhost')", "Request"],
  ["Response.json(1)", "Response.json"],
  ["new BroadcastChannel('x')", "BroadcastChannel"],
  ["new Blob([])", "Blob"],
  ["URL.createObjectURL({})", "URL.createObjectURL"],
  ["postMessage('x')", "postMessage"],
  ["addEventListener('message', () => {})", "addEventListener"],
  // The host.
  ["process.env.HOME", "process.env"],
  ["process.exit(1)", "process.exit"],
  ["({ ...process })", "process"],
  ["'env' in process", "process"],
  ["`${process}`", "process"],
  ["process.x = 1", "process"],
  ["delete process.env", "process"],
  ["Object.keys(process)", "process"],
  ["Object.getPrototypeOf(process)", "process"],
  ["Bun.version", "Bun.version"],
  ["Bun.env.HOME", "Bun.env"],
  ["Bun.nanoseconds()", "Bun.nanoseconds"],
  ["Bun.randomUUIDv7()", "Bun.randomUUIDv7"],
  ["Bun.file('/etc/hostname')", "Bun.file"],
  ["globalThis.Bun.spawnSync(['true'])", "Bun.spawnSync"],
  ["self.Bun.version", "Bun.version"],
  ["global.process.env", "process.env"],
  ["globalThis.globalThis.self.global.process.env", "process.env"],
  ["navigator.hardwareConcurrency", "navigator.hardwareConcurrency"],
  ["Buffer.allocUnsafe(8)", "Buffer.allocUnsafe"],
  ["new HTMLRewriter()", "HTMLRewriter"],
  ["prompt('x')", "prompt"],
  // Code from text.
  ["eval('Date')", "eval"],
  ["(0, eval)('Date')", "eval"],
  ["Function('return process')()", "Function"],
  ["new Function('return process')()", "Function"],
  ["(() => {}).constructor('return process')()", "Function"],
  ["Date.now.constructor('return process')()", "Function"],
  ["Object.getPrototypeOf(Function).constructor('return process')()", "Function"],
  ["Reflect.construct(Function, ['return process'])", "Function"],
  ["new (class extends Function {})('return process')", "Function"],
  ["(async () => {}).constructor('return process')()", "AsyncFunction"],
  ["(function* () {}).constructor('return process')()", "GeneratorFunction"],
  ["(async function* () {}).constructor('return process')()", "AsyncGeneratorFunction"],
  ["new ShadowRealm().evaluate('Bun.version')", "ShadowRealm"],
  ["WebAssembly.Module", "WebAssembly.Module"],
  // Threads, and what the garbage collector tells.
  ["new Worker('x')", "Worker"],
  ["new SharedArrayBuffer(8)", "SharedArrayBuffer"],
  ["Atomics.load(new Int32Array(1), 0)", "Atomics.load"],
  ["new MessageChannel()", "MessageChannel"],
  ["new WeakRef({})", "WeakRef"],
  ["new FinalizationRegistry(() => {})", "FinalizationRegistry"],
  // By way of effect.
  ["Effect.runSync(Clock.currentTimeMillis)", "Date.now"],
  ["Effect.runSync(Clock.currentTimeNanos)", "process.hrtime.bigint"],
  ["Effect.runSync(Random.next)", "Math.random"],
  ["DateTime.nowUnsafe()", "Date.now"],
  ["Effect.runSync(DateTime.now)", "Date.now"],
  ["DateTime.zoneMakeLocal()", "Intl.DateTimeFormat"],
  ["Hash.random({})", "Math.random"],
  ["Effect.runSync(Effect.gen(() => Config.String('HOME')[Symbol.iterator]()))", "process.env"],
  // What effect keeps for all its users.
  ["of(effect, 'Metric').counter('a')", "Metric.counter"],
  ["of(effect, 'Metric').gauge('a')", "Metric.gauge"],
  ["new (of(effect, 'Metric').FiberRuntimeMetrics)()", "Metric.FiberRuntimeMetrics"],
  ["`${of(effect, 'Metric').snapshot}`", "Metric.snapshot"],
  ["of(effect, 'Request').of()", "Request.of"],
  ["of(effect, 'RequestResolver').make(() => Effect.void)", "RequestResolver.make"],
  ["of(Effect, 'request')({}, {})", "Effect.request"],
  ["of(Effect, 'requestUnsafe')({}, {})", "Effect.requestUnsafe"],
  [
    "of(encoding, 'SchemaBinary').encodeUnknownSync(Schema.String)('a').byteOffset",
    "SchemaBinary.encodeUnknownSync",
  ],
  ["of(effect, 'Version').setCurrentVersion('a')", "Version.setCurrentVersion"],
  ["of(effect, 'Arbitrary').configureGlobal({})", "Arbitrary.configureGlobal"],
  ["of(effect, 'Stream').make(1)", "Stream.make"],
  ["of(effect, 'TxRef').makeUnsafe(1)", "TxRef.makeUnsafe"],
  ["of(Effect, 'cached')(Effect.void)", "Effect.cached"],
]

/** What only a realm of reducers alone can close: the same for code that was there before. */
export const closedForEver: ReadonlyArray<readonly [expression: string, path: string]> = [
  ["RegExp.$1", "RegExp.$1"],
  ["RegExp['$&'] = 1", "RegExp.$&"],
  ["Reflect.get(/a/.constructor, 'lastMatch')", "RegExp.lastMatch"],
  ["console.log.constructor('1')", "Function"],
]

/** What goes on working, and what it gives. */
export const open: ReadonlyArray<readonly [expression: string, gives: unknown]> = [
  ["new Date(1e12).toISOString()", "2001-09-09T01:46:40.000Z"],
  ["new Date('2020-02-29').getTime()", 1582934400000],
  ["Date.UTC(2020, 1, 29)", 1582934400000],
  ["new Date(0) instanceof Date", true],
  ["new (class extends Date { week() { return 7 } })(5).week()", 7],
  ["JSON.stringify({ at: new Date(0) })", '{"at":"1970-01-01T00:00:00.000Z"}'],
  ["new Date(1) - new Date(0)", 1],
  ["structuredClone({ at: new Date(0), map: new Map([[1, 2]]) }).map.get(1)", 2],
  ["typeof process + typeof fetch + typeof Intl", "objectfunctionobject"],
  ["({}) instanceof WebSocket", false],
  ["(() => 1) instanceof Function", true],
  ["(() => 1).constructor.name", "Function"],
  ["[] instanceof Array && [].constructor === Array && Array.isArray([])", true],
  ["new Uint8Array([1, 2]).map((x) => x + 1).slice(1).join()", "3"],
  ["new TextDecoder().decode(new TextEncoder().encode('é'))", "é"],
  ["btoa('a') + atob('YQ==') + new URL('/b', 'http://a').href", "YQ==ahttp://a/b"],
  ["'e\\u0301'.normalize() + 'i'.toUpperCase()", "éI"],
  ["Math.max(...[3, 1, 2].toSorted())", 3],
  ["Object.groupBy([1, 2, 3], (n) => n % 2)", { 0: [2], 1: [1, 3] }],
  ["'a1b2'.replace(/\\d/g, '-').split(/-/)", ["a", "b", ""]],
  ["String.raw`a\\n${1}`", "a\\n1"],
  ["console.log('quiet') === undefined && console.table([]) === undefined", true],
  ["(() => { const at = {}; Error.captureStackTrace(at); return at.stack })()", undefined],
  ["new Error('x').stack", undefined],
  ["Object.keys(Object.getOwnPropertyDescriptors(new Error('x')))", ["message"]],
  [
    "(() => { try { null.x } catch (error) { return [error.name, error.stack] } })()",
    ["TypeError", undefined],
  ],
  ["Symbol.for('a') === Symbol.for('a')", true],
  ["globalThis.globalThis === globalThis && self === globalThis && global === globalThis", true],
  ["globalThis.Date === Date && globalThis.nothing === undefined", true],
  ["(function () { return this })()", undefined],
  // Assignment to what one inherits ("override mistake").
  [
    "(() => { const o = {}; o.toString = () => 'mine'; o.constructor = 1; return `${o}${o.constructor}` })()",
    "mine1",
  ],
  ["(() => { function F() {} F.prototype.toString = () => 'f'; return `${new F()}` })()", "f"],
  ["(() => { const f = () => 1; f.apply = 2; f.toString = () => 'f'; return `${f}${f.apply}` })()", "f2"],
  [
    "(() => { class Mine extends TypeError { constructor() { super('a'); this.name = 'Mine'; this.message = 'b' } } return `${new Mine()}` })()",
    "Mine: b",
  ],
  ["(() => { const e = new RangeError('a'); e.name = 'N'; return Object.keys(e).join() + e })()", "nameN: a"],
  // effect, on what it is given.
  ["Schema.decodeUnknownSync(Schema.Struct({ a: Schema.Int }))({ a: 1 })", { a: 1 }],
  ["Schema.decodeUnknownSync(Schema.NumberFromString)('1.5')", 1.5],
  ["Schema.decodeUnknownSync(Schema.String.check(Schema.isPattern(/^a+$/)))('aa')", "aa"],
  [
    "(() => { try { Schema.decodeUnknownSync(Schema.Int)('a') } catch (error) { return error.message } })()",
    "Expected number",
  ],
  [
    "DateTime.formatIso(Schema.decodeUnknownSync(Schema.DateTimeUtcFromString)('2020-01-31'))",
    "2020-01-31T00:00:00.000Z",
  ],
  [
    "DateTime.formatIso(DateTime.add(DateTime.makeUnsafe(0), { months: 1, days: 2 }))",
    "1970-02-03T00:00:00.000Z",
  ],
  // Its constructors assign what they inherit, and so do its classes.
  ["Effect.runSync(Effect.flatMap(Effect.sync(() => 1), (one) => Effect.sync(() => one + 1)))", 2],
  ["Effect.runSync(Effect.catch(Effect.flip(Effect.sync(() => 1)), (one) => Effect.sync(() => one + 2)))", 3],
  ["Effect.runSync(Effect.scoped(Effect.acquireRelease(Effect.sync(() => 4), () => Effect.void)))", 4],
  [
    "Effect.runSync(Effect.provide(Effect.service(Context.Service('S')), effect.Layer.succeed(Context.Service('S'), 5)))",
    5,
  ],
  ["Effect.runSync(Effect.forEach([1, 2], (one) => Effect.succeed(one + 1), { concurrency: 2 }))", [2, 3]],
  ["new (class A extends Schema.Class('A')({ a: Schema.Int }) {})({ a: 6 }).a", 6],
  [
    "`${new (class E extends Schema.TaggedError()('E', { message: Schema.String }) {})({ message: 'm' })}`",
    "E: m",
  ],
  ["effect.Optic.id().key('a').modify((one) => one + 1)({ a: 6 })", { a: 7 }],
  [
    "effect.Match.value(3).pipe(effect.Match.when(3, () => 'three'), effect.Match.orElse(() => 'no'))",
    "three",
  ],
  ["Effect.runSync(Effect.gen(function* () { return 1 + (yield* Effect.succeed(2)) }))", 3],
  ["Option.getOrElse(Option.none(), () => 4)", 4],
  ["Array.from(HashMap.values(HashMap.make(['a', 1], ['b', 2]))).toSorted()", [1, 2]],
  ["Effect.runSync(Effect.provideService(Effect.service(Context.Service('S')), Context.Service('S'), 5))", 5],
  ["Context.get(Context.add(Context.empty(), Context.Service('T'), 6), Context.Service('T'))", 6],
  ["Hash.hash({ a: 1 }) === Hash.hash({ a: 1 })", true],
  ["Hash.hash(() => 1) === Hash.hash(class {})", true],
  ["Equal.equals(() => 1, () => 1)", false],
  [
    "((One, Other) => Equal.equals(new One({ a: 1 }), new Other({ a: 1 })))(class extends Schema.Class('A')({ a: Schema.Int }) {}, class extends Schema.Class('B')({ a: Schema.Int }) {})",
    false,
  ],
  ["((Line) => Equal.equals(new Line({ a: 1 }), new Line({ a: 1 })))(class extends Data.Class {})", true],
  [
    "((Line) => HashMap.has(HashMap.make([new Line({ a: 1 }), 2]), new Line({ a: 1 })))(class extends Schema.Class('Line')({ a: Schema.Int }) {})",
    true,
  ],
  ["(class Point extends Schema.Class('Point')({ x: Schema.Int }) {}).make({ x: 1 }).x", 1],
  ["new (class E extends Data.TaggedError('E') {})({ message: 'm' })._tag", "E"],
  [
    "Duration.toMillis(Duration.seconds(2)) + BigDecimal.format(BigDecimal.fromStringUnsafe('1.50'))",
    "20001.5",
  ],
]

/** What would change the realm for others: an expression that must throw, and one that shows that nothing changed. */
export const fixed: ReadonlyArray<readonly [expression: string, unchanged: string]> = [
  ["Object.prototype.x = 1", "({}).x === undefined"],
  ["Array.prototype.push = () => 7", "[].push(1) === 1"],
  ["Object.defineProperty(Array.prototype, 'x', { value: 1 })", "[].x === undefined"],
  ["Object.setPrototypeOf(Object.prototype, {})", "Object.getPrototypeOf(Object.prototype) === null"],
  [
    "Object.setPrototypeOf(Array.prototype, {})",
    "Object.getPrototypeOf(Array.prototype) === Object.prototype",
  ],
  ["Object.prototype.toString = 1", "typeof Object.prototype.toString === 'function'"],
  ["Object.prototype.__defineGetter__('x', () => 1)", "({}).x === undefined"],
  ["Map.prototype.get = 1", "new Map([[1, 2]]).get(1) === 2"],
  ["delete Map.prototype.get", "new Map([[1, 2]]).get(1) === 2"],
  ["JSON.stringify = 1", "JSON.stringify(1) === '1'"],
  ["JSON.parse.x = 1", "JSON.parse.x === undefined"],
  ["Math.max = 1", "Math.max(1, 2) === 2"],
  ["Date.prototype.toISOString = 1", "new Date(0).toISOString() === '1970-01-01T00:00:00.000Z'"],
  ["Date.UTC = 1", "Date.UTC(1970, 0) === 0"],
  ["Date.now.x = 1", "Date.now.x === undefined"],
  ["Function.prototype.call = 1", "typeof (() => {}).call === 'function'"],
  ["Error.prototype.name = 'x'", "new Error().name === 'Error'"],
  ["Error.prepareStackTrace = () => 1", "`${Error.prepareStackTrace}` !== '() => 1'"],
  ["RegExp.prototype.exec = () => null", "/a/.test('a')"],
  ["Symbol.iterator.constructor.prototype.x = 1", "Symbol.prototype.x === undefined"],
  ["Object.getPrototypeOf([][Symbol.iterator]()).next = 1", "[...[1]].length === 1"],
  ["Object.getPrototypeOf((function* () {})()).next = 1", "(function* () {})().next().done"],
  ["Object.getPrototypeOf(async () => {}).x = 1", "(async () => {}).x === undefined"],
  ["Object.getPrototypeOf(Uint8Array).x = 1", "Uint8Array.x === undefined"],
  ["Promise.prototype.then = 1", "typeof Promise.prototype.then === 'function'"],
  ["Promise.resolve = 1", "typeof Promise.resolve === 'function'"],
  ["globalThis.x = 1", "globalThis.x === undefined"],
  ["globalThis.Array = 1", "typeof globalThis.Array === 'function'"],
  ["Object.setPrototypeOf(globalThis, { x: 1 })", "globalThis.x === undefined"],
  ["undeclared = 1", "typeof undeclared === 'undefined'"],
  ["Array = 1", "typeof Array === 'function'"],
  ["try_(() => atob('*')).constructor.prototype.x = 1", "try_(() => atob('*')).x === undefined"],
  [
    "Object.getPrototypeOf(new URLSearchParams('a').entries()).x = 1",
    "new URLSearchParams('a').entries().x === undefined",
  ],
  ["new URL('http://a').constructor.prototype.x = 1", "URL.prototype.x === undefined"],
  ["Object.assign(globalThis, { undefined: 1 })", "undefined === void 0"],
  ["Schema.String.x = 1", "Schema.String.x === undefined"],
  ["Object.assign(Schema, { x: 1 })", "Schema.x === undefined"],
  ["Object.assign(Schema, { Int: 1 })", "typeof Schema.Int === 'function' || typeof Schema.Int === 'object'"],
  ["Object.getPrototypeOf(Schema).x = 1", "Schema.x === undefined"],
  ["Option.none()._tag = 'Some'", "Option.isNone(Option.none())"],
  ["Object.getPrototypeOf(Option.some(1)).x = 1", "Option.some(1).x === undefined"],
  ["Schema.Int.ast.checks.push(1)", "Schema.Int.ast.checks.length === 1"],
  ["Effect.succeed.x = 1", "Effect.succeed.x === undefined"],
  ["Object.getPrototypeOf(Effect.succeed(1)).pipe = 1", "typeof Effect.succeed(1).pipe === 'function'"],
  ["actor.x = 1", "actor.x === undefined"],
  // Prototypes that nothing names.
  ["Object.getPrototypeOf(HashMap.make(['a', 1])).get = 1", "HashMap.has(HashMap.make(['a', 1]), 'a')"],
  ["Object.getPrototypeOf(HashMap.make(['a', 1])).x = 1", "HashMap.empty().x === undefined"],
  ["Object.getPrototypeOf(fiber()).evaluate = 1", "typeof fiber().evaluate === 'function'"],
  ["Object.getPrototypeOf(fiber()).x = 1", "fiber().x === undefined"],
  ["Object.defineProperty(Object.getPrototypeOf(fiber()), 'id', { value: 1 })", "fiber().id === 1"],
  ["Object.getPrototypeOf(DateTime.makeUnsafe(0)).x = 1", "DateTime.makeUnsafe(1).x === undefined"],
  ["Object.getPrototypeOf(Cause.fail(1).reasons[0]).x = 1", "Cause.fail(1).reasons[0].x === undefined"],
  ["Object.getPrototypeOf(Effect.runSync(Ref.make(1))).x = 1", "Effect.runSync(Ref.make(1)).x === undefined"],
  ["Schema.ErrorInstance().x = 1", "Schema.ErrorInstance().x === undefined"],
  // What is in a Map or a Set, which freezing does not reach.
  ["Context.empty().mapUnsafe.set('effect/Clock', 1)", "Context.empty().mapUnsafe.size === 0"],
  ["Map.prototype.set.call(Context.empty().mapUnsafe, 'a', 1)", "Context.empty().mapUnsafe.size === 0"],
  ["Context.empty().mapUnsafe.getOrInsert('a', 1)", "Context.empty().mapUnsafe.size === 0"],
  ["Cause.fail(1).reasons[0].annotations.set('a', 1)", "Cause.fail(1).reasons[0].annotations.size === 0"],
  ["Cause.interruptors(Cause.fail(1)).add(1)", "Cause.interruptors(Cause.fail(1)).size === 0"],
  [
    "Context.get(Context.empty(), effect.Logger.CurrentLoggers).clear()",
    "Context.get(Context.empty(), effect.Logger.CurrentLoggers).size > 0",
  ],
  [
    "Context.get(Context.empty(), effect.ErrorReporter.CurrentErrorReporters).add(1)",
    "Context.get(Context.empty(), effect.ErrorReporter.CurrentErrorReporters).size === 0",
  ],
]

/**
 * What effect would remember of an object that all share: what may be done with what it gives, and what says that the next
 * one sees nothing of it.
 */
export const forgotten: ReadonlyArray<readonly [expression: string, unchanged: string]> = [
  [
    "try_(() => { effect.SchemaAST.flip(Schema.NumberFromString.ast).x = 1 })",
    "effect.SchemaAST.flip(Schema.NumberFromString.ast).x === undefined",
  ],
  ["try_(() => { Schema.toType(Schema.URL).ast.x = 1 })", "Schema.toType(Schema.URL).ast.x === undefined"],
  [
    "try_(() => { Schema.optionalKey(Schema.URL).ast.x = 1 })",
    "Schema.optionalKey(Schema.URL).ast.x === undefined",
  ],
  [
    "effect.Equal.byReferenceUnsafe(effect.LogLevel.values)",
    "effect.Equal.equals(effect.LogLevel.values, [...effect.LogLevel.values])",
  ],
  [
    "Cause.map(Cause.annotate(Cause.fail(1), Context.make(Context.Service('a'), 1)), () => Schema.String)",
    "Cause.map(Cause.annotate(Cause.fail(1), Context.make(Context.Service('b'), 1)), () => Schema.String).reasons[0].annotations.size === 1",
  ],
  ["fiber() && fiber()", "fiber().id === 1"],
  [
    "Effect.runSync(Effect.forkChild(Effect.void)).id",
    "Effect.runSync(Effect.forkChild(Effect.void)).id === 2",
  ],
]

/** What is a module's own goes on remembering. */
export const remembered: ReadonlyArray<readonly [expression: string, gives: unknown]> = [
  ["new WeakMap([[Schema.String, 1]]).set(Option, 2).get(Schema.String)", 1],
  ["new WeakSet().add(Schema.String).has(Schema.String)", true],
  ["new (class extends WeakMap { mine = 7 })().mine", 7],
  ["new WeakMap() instanceof WeakMap && new WeakMap().constructor === WeakMap && WeakMap.name", "WeakMap"],
  ["new Map([[1, 2]]).set(3, 4).size + new Set([1]).add(2).size", 4],
  ["new Map([[1, 2]]).delete(1) && Map.prototype.set.length + Map.prototype.set.name", "2set"],
  ["effect.Equal.equals({ a: [1] }, { a: [1] })", true],
  [
    "(() => { const f = effect.Function.memoize(() => ({})); return f(Schema.String) === f(Schema.String) })()",
    true,
  ],
]

/** What asks for more than any node need have: an expression, and what it is refused with. */
export const tooLarge: ReadonlyArray<readonly [expression: string, refused: string]> = [
  ["new ArrayBuffer(64 * 1024 * 1024 + 1)", "a buffer of 67108865"],
  ["new ArrayBuffer(1, { maxByteLength: 2 ** 40 })", "a buffer of 1099511627776"],
  ["new ArrayBuffer(1).transfer(2 ** 30)", "a buffer of 1073741824"],
  ["new Uint8Array(2 ** 30)", "a buffer of 1073741824"],
  ["new Float64Array(2 ** 24)", "a buffer of 134217728"],
  ["new Uint16Array({ length: 2 ** 26 })", "a buffer of 134217728"],
  ["Uint8Array.from({ length: 2 ** 30 })", "a buffer of 1073741824"],
  ["new (class extends Uint8Array {})(2 ** 30)", "a buffer of 1073741824"],
  ["new (new Uint8Array(1).constructor)(2 ** 30)", "a buffer of 1073741824"],
  ["'ab'.repeat(2 ** 26)", "a string of 134217728"],
  ["'a'.padStart(2 ** 27)", "a string of 134217728"],
  ["'a'.padEnd(2 ** 27)", "a string of 134217728"],
  ["new Array(2 ** 24)", "an array of 16777216"],
  ["Array(2 ** 24)", "an array of 16777216"],
  ["[].constructor(2 ** 24)", "an array of 16777216"],
  ["Array.from({ length: 2 ** 24 })", "an array of 16777216"],
]

/** What is not too large, and does what it always did. */
export const largeEnough: ReadonlyArray<readonly [expression: string, gives: unknown]> = [
  ["new ArrayBuffer(64 * 1024 * 1024).byteLength", 67108864],
  ["new Uint8Array(new ArrayBuffer(8), 4).length", 4],
  ["Array(3).fill(0)", [0, 0, 0]],
  ["Array(3, 4)", [3, 4]],
  ["new (class extends Array {})(3).map(() => 1).length", 3],
  ["new (class extends Uint8Array { static mine = 1 })(3).slice(1).constructor.mine", 1],
  ["'ab'.repeat(2) + 'a'.padStart(3, '-') + 'a'.padEnd(2)", "abab--aa "],
  ["String.prototype.repeat.call(12, 2)", "1212"],
  [
    "'a'.repeat.name + 'a'.repeat.length + Uint8Array.name + Uint8Array.BYTES_PER_ELEMENT",
    "repeat1Uint8Array1",
  ],
]

/**
 * Gives the paths of all shared objects that a module can get at and that are not frozen: what it would leave a
 * message on for another module, or change for it. Module namespaces cannot be frozen, nor changed.
 */
export const unfrozen = `(() => {
  const found = new Map()
  const visit = (value, path) => {
    if ((typeof value !== "object" || value === null) && typeof value !== "function") return
    if (found.has(value) || try_(() => Object.getPrototypeOf(value))?.name === "NotDeterministic") return
    found.set(value, path)
    visit(Object.getPrototypeOf(value), path + ".__proto__")
    for (const key of Reflect.ownKeys(value)) {
      const { value: held, get, set } = Object.getOwnPropertyDescriptor(value, key)
      for (const one of [held, get, set]) visit(one, path + "." + String(key))
    }
  }
  visit(globalThis, "globalThis")
  for (const [name, made] of Object.entries({
    effect: () => Object.values(effect),
    actor: () => [actor],
    empty: () => [{ __proto__: Option.none() }, { __proto__: Context.empty() }],
    functions: () => [() => {}, async () => {}, function* () {}, async function* () {}],
    iterators: () => [[].values(), new Map().entries(), new Set().values(), ""[Symbol.iterator](), "".matchAll(/a/g)],
    helpers: () => [[].values().map(() => {}), Iterator.from({ next() {} }), new URLSearchParams().entries()],
    errors: () => [try_(() => null.x), try_(() => atob("*")), try_(() => new URL("")), try_(() => Date.now())],
    values: () => [/a/, 1n, Symbol(), "", 1, true, new DataView(new ArrayBuffer(8)), new TextDecoder()],
    own: () => [function () { return arguments }(), Proxy.revocable({}, {}), Promise.resolve()],
  })) for (const one of made()) visit(name === "effect" ? one : Object.getPrototypeOf(one), name)
  return [...found].filter(([value]) => !Object.isFrozen(value))
    .filter(([value]) => Object.getOwnPropertyDescriptor(value, Symbol.toStringTag)?.value !== "Module")
    .map(([, path]) => path)
})()`

/** A module whose default export holds every expression as a function. */
export const moduleOf = (expressions: ReadonlyArray<string>): string => `
import * as effect from "effect"
import * as encoding from "effect/encoding"
import { actor } from "raftlet"
import { BigDecimal, Cause, Clock, Config, Context, Data, DateTime, Duration, Effect, Equal, Hash, HashMap } from "effect"
import { Option, Random, Ref, Schema } from "effect"
// Past the bundler, which would refuse the plain names.
const of = (module, name) => Reflect.get(module, name)
const fiber = () => Effect.runSync(Effect.withFiber((one) => Effect.succeed(one)))
const try_ = (run) => { try { return run() } catch (error) { return error } }
export default [${expressions.map((expression) => `() => (${expression})`).join(",\n")}]
`
