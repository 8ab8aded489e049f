// Has the disk room? The turn must know: a node short of room takes no new commands (HAZARDS S7).

import { type Group, post } from "./Group.ts"

/** Now and then, and after every write. */
export const noteRoom = (group: Group): void => {
  const { log, node } = group
  const isShort = log.isShort()
  if (isShort === node.isShort) return
  post(group, { type: "RoomChanged", isShort })
}
