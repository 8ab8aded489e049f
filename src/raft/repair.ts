// Is there a state at work that may be shown?

import { lacksState } from "../consensus/node.ts"
import type { Group } from "./Group.ts"

/** The state was given up, and the one in its place has not come to where that was. */
export const isInRepair = ({ node, partings }: Pick<Group, "node" | "partings">): boolean =>
  partings.current !== null || lacksState(node)
