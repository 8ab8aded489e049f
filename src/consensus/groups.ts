// What is a Raft group called?

import type { GroupId } from "./types.ts"

/** Always there, and the directory of the cluster: it knows which other groups there are, and where actors live. */
export const mainGroup: GroupId = "main"

/** Names stand in URLs, on the wire and in paths: no slash, no dot, no surprise. */
export const isGroupName = (name: string): boolean => /^[a-z][a-z0-9_-]{0,62}$/i.test(name)

export const groupNameRule = "letters, digits, - and _, a letter first, at most 63"

/** Names for a person, those that are numbered in a row as one: `orders-1 to orders-9, till`. Of many rows the first ones. */
export const groupsText = (groups: ReadonlyArray<GroupId>): string => {
  const numbered = groups.map((group) => {
    const [, stem, number] = /^(.+-)([1-9]\d{0,8})$/.exec(group) ?? []
    return { group, stem: stem ?? group, number: Number(number ?? 0) }
  })
  numbered.sort((left, right) =>
    left.stem === right.stem ? left.number - right.number : left.stem < right.stem ? -1 : 1,
  )
  const rows: Array<typeof numbered> = []
  for (const one of numbered) {
    const row = rows.at(-1)
    const last = row?.at(-1)
    if (last !== undefined && last.stem === one.stem && last.number + 1 === one.number) row!.push(one)
    else rows.push([one])
  }
  const texts = rows.slice(0, rowsMax).flatMap((row) => {
    const names = row.map(({ group }) => group)
    return names.length > 2 ? [`${names[0]} to ${names.at(-1)}`] : names
  })
  const more = rows.slice(rowsMax).flat().length
  return more === 0 ? texts.join(", ") : `${texts.join(", ")} and ${more} more`
}

const rowsMax = 8

/** Which of so many comes first in that group: another one in each, and the same on every node. */
export const firstOf = (group: GroupId, count: number): number =>
  [...group].reduce((sum, each) => sum + each.charCodeAt(0), 0) % count
