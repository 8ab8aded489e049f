// Which instances has an actor that is spread over many groups? Each group is asked for the same page, and the keys come
// in one order.

import type { Query } from "../machine/MachineHost.ts"
import { type Answered, isElsewhere } from "../machine/outcome.ts"
import type { Read } from "../raft/Raft.ts"
import { askRead, type Doors, jsonResponse } from "./Doors.ts"
import { fromFailure, fromRefused, Problem } from "./problem.ts"

type ListQuery = Extract<Query, { readonly type: "list" }>

interface Page {
  readonly instances: ReadonlyArray<{ readonly key: string; readonly revision: number }>
  readonly next: string | null
}

/** All groups or no answer: a page with a gap in it would be taken for the whole. Each group answers as of its own index. */
export const listAll = async (
  doors: Doors,
  query: ListQuery,
  asked: Omit<Read, "query" | "answer">,
): Promise<Response> => {
  const answers = await Promise.all(
    doors.groupsOf(query.actor).map(async (group): Promise<Answered> => {
      const door = doors.open(group)
      if (door === undefined) {
        throw new Problem("not-ready", `This node does not run the group ${group} yet.`)
      }
      const answer = await askRead(door, { query, ...asked })
      if (answer._tag === "Answered") return answer
      if (isElsewhere(answer)) throw new Problem("not-ready", `The group ${group} has nothing of it yet.`)
      throw answer._tag === "Failure" ? fromFailure(answer) : fromRefused(answer)
    }),
  )
  const page = merged(
    answers.map(({ body }) => JSON.parse(body) as Page),
    query.limit,
  )
  return jsonResponse(JSON.stringify(page), doors.headers(doors.find(undefined)))
}

/** Of pages that begin behind the same key, the one of all of them. */
export const merged = (pages: ReadonlyArray<Page>, limit: number): Page => {
  const all = pages.flatMap(({ instances }) => instances)
  all.sort((left, right) => Buffer.compare(Buffer.from(left.key), Buffer.from(right.key)))
  const instances = all.slice(0, limit)
  const isMore = all.length > limit || pages.some(({ next }) => next !== null)
  return { instances, next: isMore ? (instances.at(-1)?.key ?? null) : null }
}
