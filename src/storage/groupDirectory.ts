// Where in a data directory does a group other than `main` have its state and its snapshots?

import { join } from "node:path"
import type { GroupId } from "../consensus/types.ts"

/** Names that differ in the case of a letter alone are two, and there are file systems that do not see it. */
export const directoryOf = (data: string, group: GroupId): string => join(data, "groups", nameOf(group))

/** What stands for the group's name among files. */
export const nameOf = (group: GroupId): string =>
  group.replace(/[A-Z]/g, (letter) => `+${letter.toLowerCase()}`)
