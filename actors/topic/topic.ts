// What does a topic hold, and what can be done with it? One instance for each topic of a tenant, `acme/orders.eu`.
//
// Published once: send the same `Idempotency-Key` again until there is an answer. Consumed at least once: a group asks for
// what comes behind its cursor (`poll`, which changes nothing), works on it, and moves the cursor on (`commit`).

import { Schema } from "effect"
import { actor, type CommandContext, type RoutesApp, type RoutesContext } from "raftlet"

const Time = Schema.Int
/** Of a message: 0, 1, 2, … in the order in which they were published, never given twice. */
const Offset = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER - 1 }))
const Group = Schema.String.check(
  Schema.isPattern(/^[A-Za-z][A-Za-z0-9_.-]{0,62}$/, {
    expected: "letters, digits, `.`, `-` and `_`, a letter first",
  }),
)
const Body = Schema.String.check(Schema.isMaxLength(65_536))

const Message = Schema.Struct({ offset: Offset, at: Time, body: Body })

const Retention = Schema.Struct({
  /** How long a message waits for groups that do not come for it. */
  ageMillis: Schema.Int.check(Schema.isBetween({ minimum: 1_000, maximum: 365 * 86_400_000 })),
  /** How many wait at the most. Then `publish` is refused, and nothing that somebody still wants is thrown away. */
  messagesMax: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 })),
  /** How many characters they have together. */
  charactersMax: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })),
})

const State = Schema.Struct({
  retention: Retention,
  messages: Schema.Array(Message),
  /** Of all that are kept. */
  characters: Schema.Int,
  nextOffset: Offset,
  /** By group: the first offset that it has not committed. */
  cursors: Schema.Record(Schema.String, Offset),
})
type State = typeof State.Type

const groupsMax = 100

/** `routes`: what it answers over HTTP besides. They ask this actor in its types, so index.ts puts the two together. */
export const topic = (routes: Routes) =>
  actor({
    version: 1,
    group: "topic",
    state: State,
    initial: {
      retention: { ageMillis: 86_400_000, messagesMax: 1_000, charactersMax: 250_000 },
      messages: [],
      characters: 0,
      nextOffset: 0,
      cursors: {},
    },
    commands: {
      configure: {
        input: Retention,
        output: Schema.Null,
        reduce: (state, retention, ctx) => ({ state: trimmed({ ...state, retention }, ctx), result: null }),
      },
      /** A group takes part from now on: what is published stays until it has committed it. */
      subscribe: {
        input: Schema.Struct({ group: Group, from: Schema.Literals(["oldest", "next"]) }),
        /** The offset that it begins with. For a group that is there already: where it is, and `from` says nothing. */
        output: Offset,
        reduce: (state, { group, from }, ctx) => {
          const known = cursorOf(state, group)
          if (known !== null) return { state, result: known }
          if (Object.keys(state.cursors).length >= groupsMax)
            ctx.reject("too-many-groups", `There are ${groupsMax} groups: unsubscribe one first.`)
          const cursor = from === "next" ? state.nextOffset : oldestOf(state)
          return { state: { ...state, cursors: { ...state.cursors, [group]: cursor } }, result: cursor }
        },
      },
      unsubscribe: {
        input: Schema.Struct({ group: Group }),
        output: Schema.Null,
        reduce: (state, { group }, ctx) => {
          requireGroup(state, group, ctx)
          const { [group]: _, ...cursors } = state.cursors
          return { state: trimmed({ ...state, cursors }, ctx), result: null }
        },
      },
      publish: {
        input: Schema.Struct({ body: Body }),
        output: Offset,
        reduce: (before, { body }, ctx) => {
          const state = trimmed(before, ctx)
          const { messagesMax, charactersMax } = state.retention
          const characters = state.characters + body.length
          if (state.messages.length >= messagesMax || characters > charactersMax)
            ctx.reject("topic-full", "Consumers have to commit, or messages to age, before there is room.")
          const offset = state.nextOffset
          const messages = [...state.messages, { offset, at: ctx.now, body }]
          ctx.emit("published", { offset })
          return { state: { ...state, messages, characters, nextOffset: offset + 1 }, result: offset }
        },
      },
      /** The group has done with everything before this offset. It never goes back. */
      commit: {
        input: Schema.Struct({ group: Group, next: Offset }),
        /** Where the group is now. */
        output: Offset,
        reduce: (state, { group, next }, ctx) => {
          const cursor = requireGroup(state, group, ctx)
          if (next > state.nextOffset)
            ctx.reject(
              "not-published-yet",
              `Commit up to ${state.nextOffset}: that will be the next message.`,
            )
          // A consumer that was slow, and says what another one of its group has said meanwhile.
          if (next <= cursor) return { state, result: cursor }
          const moved = { ...state, cursors: { ...state.cursors, [group]: next } }
          return { state: trimmed(moved, ctx), result: next }
        },
      },
    },
    queries: {
      /** What comes behind the cursor of a group. */
      poll: {
        input: Schema.Struct({
          group: Group,
          max: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 })),
        }),
        /** Null: there is no such group. `missed`: so many were too old before the group came for them. */
        output: Schema.NullOr(
          Schema.Struct({ messages: Schema.Array(Message), next: Offset, missed: Schema.Int }),
        ),
        read: (state, { group, max }) => {
          const cursor = cursorOf(state, group)
          if (cursor === null) return null
          const messages = state.messages.filter(({ offset }) => offset >= cursor).slice(0, max)
          const first = Math.max(cursor, oldestOf(state))
          return { messages, next: first + messages.length, missed: first - cursor }
        },
      },
      /** For each group how many wait for it. */
      lag: {
        output: Schema.Array(Schema.Struct({ group: Schema.String, next: Offset, waiting: Schema.Int })),
        read: (state) =>
          Object.entries(state.cursors).map(([group, next]) => ({
            group,
            next,
            waiting: state.nextOffset - Math.max(next, oldestOf(state)),
          })),
      },
    },
    routes,
  })

type Routes = (ctx: Pick<RoutesContext, "cluster">) => RoutesApp

const cursorOf = (state: State, group: string): number | null =>
  Object.hasOwn(state.cursors, group) ? (state.cursors[group] ?? null) : null

const requireGroup = (state: State, group: string, ctx: CommandContext): number =>
  cursorOf(state, group) ?? ctx.reject("no-such-group", "There is no such group: subscribe first.")

/** Of what is kept, and of what is still to come when nothing is. */
const oldestOf = (state: State): number => state.messages[0]?.offset ?? state.nextOffset

/** Without what every group has committed, and what is too old for all of them. Without groups everything waits for the first. */
const trimmed = (state: State, ctx: CommandContext): State => {
  const cursors = Object.values(state.cursors)
  const wanted = cursors.length === 0 ? 0 : Math.min(...cursors)
  const since = ctx.now - state.retention.ageMillis
  const first = state.messages.findIndex(({ offset, at }) => offset >= wanted && at > since)
  const messages = first === -1 ? [] : state.messages.slice(first)
  if (messages.length === state.messages.length) return state
  return { ...state, messages, characters: messages.reduce((sum, { body }) => sum + body.length, 0) }
}
