// What is known of a tenant, and what can be asked and done?
//
// A secret never comes into the log. Whoever makes a key (routes.ts) draws the secret, has its hash written down, and shows
// the secret once. What is asked (`authenticate`, `authorize`, `check`) are queries: they leave no trace, and any node
// answers them.

import { Schema } from "effect"
import { actor, type CommandContext, type RoutesApp, type RoutesContext } from "raftlet"
import { isSecret, nobodysHash, Secret, SecretHash } from "./secrets.ts"
import { covers, matches, meets, Pattern, Topic } from "./topics.ts"

const Time = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799_999 }))
const Label = Schema.String.check(Schema.isMaxLength(100))
/** `k1`, `k2`, …: never given twice. */
const KeyId = Schema.String.check(Schema.isPattern(/^k[1-9][0-9]{0,8}$/, { expected: "an id as `k1`" }))
const RuleId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, {
    expected: "letters, digits, `-` and `_`, a letter first",
  }),
)

const Action = Schema.Literals(["publish", "subscribe", "admin"])

const KeyState = Schema.Literals(["active", "expired", "revoked"])

const AccessKey = Schema.Struct({
  id: KeyId,
  label: Label,
  hash: SecretHash,
  state: KeyState,
  createdAt: Time,
  expiresAt: Schema.NullOr(Time),
})
type AccessKey = typeof AccessKey.Type

const Rule = Schema.Struct({
  effect: Schema.Literals(["allow", "deny"]),
  actions: Schema.Array(Action).check(Schema.isMinLength(1), Schema.isMaxLength(3)),
  pattern: Pattern,
  /** For whom; null: for all keys of the tenant. */
  keys: Schema.NullOr(Schema.Array(KeyId).check(Schema.isMinLength(1), Schema.isMaxLength(100))),
})
type Rule = typeof Rule.Type

const Change = Schema.Struct({
  at: Time,
  /** Whose token it was; empty without tokens. */
  by: Schema.String,
  change: Schema.String,
})

const State = Schema.Struct({
  /** Null: nobody has opened this tenant. */
  tenant: Schema.NullOr(Schema.Struct({ openedAt: Time, isSuspended: Schema.Boolean })),
  keys: Schema.Array(AccessKey),
  keysMade: Schema.Int,
  rules: Schema.Record(Schema.String, Rule),
  /** When the timers that were set come due, log time. */
  alarms: Schema.Array(Time),
  /** The last of them, newest last. */
  audit: Schema.Array(Change),
})
type State = typeof State.Type

/** `reason` says why not. Who shows a wrong secret learns no more than who names a key that there never was. */
const Verdict = Schema.Struct({
  isGranted: Schema.Boolean,
  reason: Schema.Literals([
    "granted",
    "not-authentic",
    "expired",
    "revoked",
    "suspended",
    "denied-by-rule",
    "no-rule",
  ]),
  /** The rule that decided, if one did. */
  rule: Schema.NullOr(Schema.String),
})
type Verdict = typeof Verdict.Type

const Credentials = Schema.Struct({ key: Schema.String.check(Schema.isMaxLength(64)), secret: Secret })
const Request = Schema.Struct({
  key: Schema.String.check(Schema.isMaxLength(64)),
  action: Action,
  topic: Topic,
})

/** Of one tenant that can be used at the same time: enough to change them without a pause. */
const activeKeysMax = 20
/** With those that are over: the oldest of them are forgotten first. */
const keysMax = 100
const rulesMax = 200
const auditMax = 200
const alarmsMax = 100

/** `routes`: what it answers over HTTP besides. They ask this actor in its types, so index.ts puts the two together. */
export const auth = (routes: Routes) =>
  actor({
    version: 2,
    group: "auth",
    state: State,
    initial: { tenant: null, keys: [], keysMade: 0, rules: {}, alarms: [], audit: [] },
    commands: {
      open: {
        output: Schema.Null,
        reduce: (state, _, ctx) => {
          // Names of access keys are `tenant.k1`: a dot in the tenant's would make two of one.
          if (!/^[A-Za-z0-9_-]{1,64}$/.test(ctx.key))
            ctx.reject("bad-tenant", "A tenant's name has 1 to 64 letters, digits, - and _.")
          if (state.tenant !== null) ctx.reject("already-open", "This tenant is there already.")
          const opened = { ...state, tenant: { openedAt: ctx.now, isSuspended: false } }
          return { state: noted(opened, "opened", ctx), result: null }
        },
      },
      /** No key of the tenant is good for anything until `resume`. */
      suspend: {
        output: Schema.Null,
        reduce: (state, _, ctx) => ({ state: suspended(state, true, ctx), result: null }),
      },
      resume: {
        output: Schema.Null,
        reduce: (state, _, ctx) => ({ state: suspended(state, false, ctx), result: null }),
      },
      /** Writes a key down, by the hash of its secret, and gives its id. */
      addKey: {
        input: Schema.Struct({ label: Label, hash: SecretHash, expiresAt: Schema.NullOr(Time) }),
        output: KeyId,
        reduce: (state, { label, hash, expiresAt }, ctx) => {
          requireOpen(state, ctx)
          if (state.keys.filter(isActive).length >= activeKeysMax)
            ctx.reject("too-many-keys", `${activeKeysMax} keys are active: revoke one first.`)
          if (state.keys.some((key) => key.hash === hash))
            ctx.reject("secret-used-before", "Another key has this secret.")
          if (expiresAt !== null && expiresAt <= ctx.now)
            ctx.reject("expired-already", "The key would be expired already.")
          const keysMade = state.keysMade + 1
          const id = `k${keysMade}`
          const key: AccessKey = {
            id,
            label,
            hash,
            state: "active",
            createdAt: ctx.now,
            expiresAt,
          }
          const added = withAlarm({ ...state, keysMade, keys: forgetOldest([...state.keys, key]) }, ctx)
          return { state: noted(added, `key ${id} added`, ctx), result: id }
        },
      },
      revokeKey: {
        input: Schema.Struct({ id: KeyId }),
        output: Schema.Null,
        reduce: (state, { id }, ctx) => {
          requireOpen(state, ctx)
          const key = state.keys.find((key) => key.id === id)
          // With `return` the compiler knows as well that it goes no further.
          if (key === undefined) return ctx.reject("no-such-key", "There is no such key.")
          if (key.state === "revoked") ctx.reject("already-revoked", "This key is revoked already.")
          return { state: noted(withKeyState(state, id, "revoked"), `key ${id} revoked`, ctx), result: null }
        },
      },
      /** Comes by itself when the time of a key is over. Earlier it does nothing, whoever sends it. */
      expire: {
        input: Schema.Struct({ id: KeyId }),
        output: Schema.Null,
        reduce: (before, _, ctx) => {
          const over = before.keys.filter((key) => isActive(key) && isOver(key, ctx.now))
          const state = over.reduce(
            (state, { id }) => noted(withKeyState(state, id, "expired"), `key ${id} expired`, ctx),
            before,
          )
          return { state: withAlarm(state, ctx), result: null }
        },
      },
      /** Adds a rule, or puts it in the place of the one with the same id. */
      setRule: {
        input: Schema.Struct({ id: RuleId, ...Rule.fields }),
        output: Schema.Null,
        reduce: (state, { id, ...rule }, ctx) => {
          requireOpen(state, ctx)
          if (!Object.hasOwn(state.rules, id) && Object.keys(state.rules).length >= rulesMax)
            ctx.reject("too-many-rules", `There are ${rulesMax} rules: remove one first.`)
          const ruled = { ...state, rules: { ...state.rules, [id]: rule } }
          return { state: noted(ruled, `rule ${id} set: ${wordsOf(rule)}`, ctx), result: null }
        },
      },
      removeRule: {
        input: Schema.Struct({ id: RuleId }),
        output: Schema.Null,
        reduce: (state, { id }, ctx) => {
          requireOpen(state, ctx)
          if (!Object.hasOwn(state.rules, id)) ctx.reject("no-such-rule", "There is no such rule.")
          const { [id]: _, ...rules } = state.rules
          return { state: noted({ ...state, rules }, `rule ${id} removed`, ctx), result: null }
        },
      },
    },
    queries: {
      /** Is this key the one that it says it is, and good? */
      authenticate: {
        input: Credentials,
        output: Verdict,
        read: (state, credentials, ctx) => authenticated(state, credentials, ctx.now),
      },
      /** May this key do that? Whoever asks has authenticated it before. */
      authorize: {
        input: Request,
        output: Verdict,
        read: (state, request, ctx) => authorized(state, request, ctx.now),
      },
      /** Both in one. */
      check: {
        input: Schema.Struct({ ...Credentials.fields, ...Request.fields }),
        output: Verdict,
        read: (state, { key, secret, action, topic }, ctx) => {
          const verdict = authenticated(state, { key, secret }, ctx.now)
          return verdict.isGranted ? authorized(state, { key, action, topic }, ctx.now) : verdict
        },
      },
      tenant: {
        output: Schema.NullOr(Schema.Struct({ openedAt: Time, isSuspended: Schema.Boolean })),
        read: (state) => state.tenant,
      },
      keys: {
        output: Schema.Array(AccessKey.mapFields(({ hash: _, ...shown }) => shown)),
        read: (state) => state.keys.map(({ hash: _, ...shown }) => shown),
      },
      rules: {
        output: Schema.Array(Schema.Struct({ id: Schema.String, ...Rule.fields })),
        read: (state) => Object.entries(state.rules).map(([id, rule]) => ({ id, ...rule })),
      },
      /** Newest first. */
      audit: { output: Schema.Array(Change), read: (state) => state.audit.toReversed() },
    },
    // Each key with a time has a timer of its own there, which still comes.
    migrate: { 2: (before: object) => ({ ...before, alarms: [] }) },
    routes,
  })

type Routes = (ctx: Pick<RoutesContext, "cluster">) => RoutesApp

const requireOpen = (state: State, ctx: CommandContext): void => {
  if (state.tenant === null) ctx.reject("no-such-tenant", "There is no such tenant: open it first.")
}

const suspended = (state: State, isSuspended: boolean, ctx: CommandContext): State => {
  requireOpen(state, ctx)
  if (state.tenant?.isSuspended === isSuspended) return state
  const tenant = { openedAt: state.tenant?.openedAt ?? ctx.now, isSuspended }
  return noted({ ...state, tenant }, isSuspended ? "suspended" : "resumed", ctx)
}

/** Everything that changes a tenant ends here: written down, and told to whoever watches. */
const noted = (state: State, change: string, ctx: CommandContext): State => {
  const by = ctx.caller
  ctx.emit("changed", { change, by })
  return { ...state, audit: [...state.audit, { at: ctx.now, by, change }].slice(-auditMax) }
}

const isActive = (key: AccessKey): boolean => key.state === "active"

const isOver = ({ expiresAt }: AccessKey, now: number): boolean => expiresAt !== null && expiresAt <= now

/**
 * That a key is over is not left to the clock of whoever reads: a log without entries has none. An entry says so, which a
 * timer asks for. One timer for the key whose time is over next, and not one for each: a key that is taken back leaves
 * nothing behind, and when the timer fires, the next one is set.
 */
const withAlarm = (
  state: State,
  ctx: Pick<CommandContext, "now" | "reject"> & {
    readonly schedule: (afterMillis: number, command: "expire", input: { readonly id: string }) => void
  },
): State => {
  const alarms = state.alarms.filter((at) => at > ctx.now)
  const next = state.keys
    .flatMap(({ id, state, expiresAt }) =>
      state === "active" && expiresAt !== null && expiresAt > ctx.now ? [{ id, at: expiresAt }] : [],
    )
    .sort((left, right) => left.at - right.at)[0]
  if (next === undefined || alarms.some((at) => at <= next.at)) return { ...state, alarms }
  if (alarms.length === alarmsMax)
    ctx.reject("too-many-times", "Too many keys were made lately, each to be over before the one before it.")
  ctx.schedule(next.at - ctx.now, "expire", { id: next.id })
  return { ...state, alarms: [...alarms, next.at] }
}

const withKeyState = (state: State, id: string, keyState: AccessKey["state"]): State => ({
  ...state,
  keys: state.keys.map((key) => (key.id === id ? { ...key, state: keyState } : key)),
})

const forgetOldest = (keys: ReadonlyArray<AccessKey>): ReadonlyArray<AccessKey> => {
  if (keys.length <= keysMax) return keys
  const oldest = keys.findIndex((key) => !isActive(key))
  return keys.toSpliced(oldest, 1)
}

const authenticated = (state: State, given: typeof Credentials.Type, now: number): Verdict => {
  const key = state.keys.find(({ id }) => id === given.key)
  const isAuthentic = isSecret(given.secret, key?.hash ?? nobodysHash)
  return key === undefined || !isAuthentic ? refused("not-authentic") : good(state, key, now)
}

/** Is the key good for anything, whoever holds it? */
const good = (state: State, key: AccessKey, now: number): Verdict => {
  if (state.tenant === null || state.tenant.isSuspended) return refused("suspended")
  if (key.state !== "active") return refused(key.state)
  // The timer comes soon: nobody is let in meanwhile.
  if (isOver(key, now)) return refused("expired")
  return { isGranted: true, reason: "granted", rule: null }
}

const authorized = (state: State, asked: typeof Request.Type, now: number): Verdict => {
  const key = state.keys.find(({ id }) => id === asked.key)
  if (key === undefined) return refused("not-authentic")
  const verdict = good(state, key, now)
  if (!verdict.isGranted) return verdict
  const about = Object.entries(state.rules).filter(([, rule]) => isAbout(rule, asked))
  // Whatever allows it: one rule that denies it is enough.
  const [denied] = about.find(([, rule]) => rule.effect === "deny") ?? []
  if (denied !== undefined) return { isGranted: false, reason: "denied-by-rule", rule: denied }
  const [allowed] = about[0] ?? []
  return allowed === undefined ? refused("no-rule") : { isGranted: true, reason: "granted", rule: allowed }
}

const isAbout = (rule: Rule, { key, action, topic }: typeof Request.Type): boolean =>
  rule.actions.includes(action) &&
  (rule.keys === null || rule.keys.includes(key)) &&
  fitOf(rule, action)(rule.pattern, topic)

/** A broker's client subscribes to a pattern: all of it has to be allowed, and nothing of it denied. */
const fitOf = ({ effect }: Rule, action: typeof Action.Type) => {
  if (action !== "subscribe") return matches
  return effect === "allow" ? covers : meets
}

const refused = (reason: Verdict["reason"]): Verdict => ({ isGranted: false, reason, rule: null })

const wordsOf = ({ effect, actions, pattern, keys }: Rule): string =>
  `${effect} ${actions.join(", ")} on ${pattern}${keys === null ? "" : ` to ${keys.join(", ")}`}`
