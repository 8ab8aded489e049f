// What of effect do reducers get? What computes. What effect would keep for all its users, and what is for work that
// takes its time, is closed to them: it is there, and says so on use.

import * as effect from "effect"
import * as encoding from "effect/encoding"
import { closedValue } from "./closed.ts"
import { closedOfEffect } from "./forbidden.ts"

/** The namespace as reducers see it: itself, unless something of it is closed. */
export const reducersViewOf = (namespace: object): object => views.get(namespace) ?? namespace

/** What a refusal calls a module, `effect/Metric`, or one member of it; null for what is open. */
export const closedPathOf = (module: string, member?: string): string | null => {
  const name = module.replace(/^effect\/(?:encoding\/)?/, "")
  const path = member === undefined ? name : `${name}.${member}`
  return closed.has(name) || closed.has(path) ? path : null
}

const closed: ReadonlySet<string> = new Set(closedOfEffect.flatMap(([, ...paths]) => paths))

const viewOf = (name: string, namespace: object): object => {
  const isClosed = (member: string) => closed.has(name) || closed.has(`${name}.${member}`)
  if (!Object.keys(namespace).some(isClosed)) return namespace
  return frozenMap(namespace, (member, value) =>
    isClosed(member) ? closedMember(`${name}.${member}`, value) : value,
  )
}

/** Names and numbers say nothing and do nothing. */
const closedMember = (path: string, value: unknown): unknown =>
  typeof value === "function" || (typeof value === "object" && value !== null)
    ? closedValue(path, value)
    : value

const frozenMap = (namespace: object, change: (name: string, value: unknown) => unknown): object =>
  Object.freeze(
    Object.assign(
      Object.create(null),
      Object.fromEntries(Object.entries(namespace).map(([name, value]) => [name, change(name, value)])),
    ),
  )

const views = new Map<object, object>()
for (const family of [effect, encoding]) {
  const view = frozenMap(family, (name, value) => {
    if (typeof value !== "object" || value === null) return value
    const member = viewOf(name, value)
    views.set(value, member)
    return member
  })
  views.set(family, view)
}
