// Does a reducer look at the host's clock? Two executions within a millisecond would see the same one: each
// execution is shown another.

import { type LoadedActor, Registry } from "../machine/Registry.ts"

/** The same actors. While one of their reducers runs, the host's `Date` is wrong, and each time differently. */
export const withRestlessClock = (registry: Registry): Registry => {
  let executions = 0
  const restless = (actor: LoadedActor): LoadedActor => ({
    ...actor,
    commands: new Map(
      [...actor.commands].map(([name, command]) => {
        const reduce: typeof command.reduce = (state, input, ctx) => {
          const right = globalThis.Date
          globalThis.Date = shifted(right, ++executions * stepMillis)
          try {
            return command.reduce(state, input, ctx)
          } finally {
            globalThis.Date = right
          }
        }
        return [name, { ...command, reduce }]
      }),
    ),
  })
  return new Registry([...registry.current.values()].map(restless))
}

/** More than a year, a month, a day, an hour, a minute and a second: whatever is read of it is another. */
const stepMillis = (400 * 24 * 3600 + 3661) * 1000 + 1

const shifted = (right: DateConstructor, millis: number): DateConstructor => {
  const now = () => right.now() + millis
  return new Proxy(right, {
    get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
    apply: () => new right(now()).toString(),
    construct: (target, parts, self) => Reflect.construct(target, parts.length === 0 ? [now()] : parts, self),
  })
}
