// What is a Raft group called?

import type { GroupId } from "./types.ts"

/** Always there, and the directory of the cluster: it knows which other groups there are, and where actors live. */
export const mainGroup: GroupId = "main"

/** Names stand in URLs, on the wire and in paths: no slash, no dot, no surprise. */
export const isGroupName = (name: string): boolean => /^[a-z][a-z0-9_-]{0,62}$/i.test(name)

export const groupNameRule = "letters, digits, - and _, a letter first, at most 63"
