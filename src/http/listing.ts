// Which instances has an actor that is spread over many groups? Each group is asked for the same page, and the keys come
// in one order.

import type { GroupId } from "../consensus/types.ts"
import { freshEnough } from "../groups/fresh.ts"
import type { Query } from "../machine/MachineHost.ts"
import { type Answered, isElsewhere } from "../machine/outcome.ts"
import { united } from "../machine/slots.ts"
import type { Read } from "../raft/Raft.ts"
import { answeredResponse, askRead, type Doors, jsonResponse, saying } from "./Doors.ts"
import { fromFailure, fromRefused, Problem } from "./problem.ts"
import { lookAgain } from "./routing.ts"

type ListQuery = Extract<Query, { readonly type: "list" }>

interface Page {
  readonly instances: ReadonlyArray<{ readonly key: string; readonly revision: number }>
  readonly next: string | null
}

/**
 * All groups or no answer: a page with a gap in it would be taken for the whole. Each group answers as of its own index, and
 * has all the slots that it is taken to have; where one has let go of some, it is looked again.
 */
export const listAll = async (
  doors: Doors,
  query: ListQuery,
  asked: Omit<Read, "query" | "answer">,
): Promise<Response> => {
  for (;;) {
    const homes = Map.groupBy(doors.placementOf(query.actor) ?? [], ({ group }) => group)
    const answers = await Promise.all(
      Array.from(homes, ([group, shards]) => {
        const slots = united(shards.map(({ from, to }) => ({ from, to })))
        return askIn(doors, group, { ...query, slots }, asked)
      }),
    )
    const given = answers.filter((answer) => answer !== null)
    if (given.length === answers.length) return responseOf(doors, [...homes.keys()], given, query.limit)
    await lookAgain(doors, { group: undefined, actor: query.actor }, asked.deadline)
  }
}

/** Null: it does not have all of these slots. */
const askIn = async (
  doors: Doors,
  group: GroupId,
  query: ListQuery,
  asked: Omit<Read, "query" | "answer">,
): Promise<Answered | null> => {
  const door = doors.reach(group)
  if (door === undefined) throw new Problem("not-ready", `This node does not run the group ${group} yet.`)
  const answer = await askRead(door, { query, ...freshEnough(door, asked) })
  if (answer._tag === "Answered") return answer
  if (isElsewhere(answer)) return null
  throw answer._tag === "Failure" ? fromFailure(answer) : fromRefused(answer)
}

const responseOf = (
  doors: Doors,
  groups: ReadonlyArray<GroupId>,
  answers: ReadonlyArray<Answered>,
  limit: number,
): Response => {
  const [only, ...more] = answers
  if (only !== undefined && more.length === 0) {
    const door = doors.reach(groups[0]!) ?? doors.find(undefined)
    return answeredResponse(only, saying(doors.headers(door), only))
  }
  const pages = answers.map(({ body }) => JSON.parse(body) as Page)
  return jsonResponse(JSON.stringify(merged(pages, limit)), doors.headers(doors.find(undefined)))
}

/** Of pages that begin behind the same key, the one of all of them. */
export const merged = (pages: ReadonlyArray<Page>, limit: number): Page => {
  // Who was cut short may have more behind that.
  const bounds = pages.flatMap(({ next }) => (next === null ? [] : [next])).sort(byBytes)
  const bound = bounds.at(0) ?? null
  const all = pages
    .flatMap(({ instances }) => instances)
    .filter(({ key }) => bound === null || byBytes(key, bound) <= 0)
    .sort((left, right) => byBytes(left.key, right.key))
  const instances = all.slice(0, limit)
  return { instances, next: all.length > limit ? instances.at(-1)!.key : bound }
}

const byBytes = (left: string, right: string): number => Buffer.compare(Buffer.from(left), Buffer.from(right))
