// What is news to a group of which nobody wanted anything? What is late or repeated, or only says that all is well, is not.

import type { Message } from "./message.ts"
import type { Input, Leader, Node } from "./node.ts"

/** To one that rests, or is on its way there. */
export const isNewsToLeader = (node: Node, leader: Leader, input: Input): boolean => {
  if (input.type !== "Received") return isNewsOfOwn(node, input)
  const { message, from } = input
  if (message.term > node.term) return true
  switch (message.type) {
    case "HeartbeatReply": {
      if (message.term < node.term) return false
      const { whole, isShort, lastIndex, round, rests } = message
      if (!whole || isShort || lastIndex !== node.log.lastIndex) return true
      return leader.rest.isResting && round >= leader.rest.offeredFrom && !rests
    }
    case "AppendReply":
      return !(message.accepted && message.whole && message.index <= (leader.progress.get(from)?.match ?? 0))
    case "VoteRequest":
    case "ReadIndexRequest":
    case "SnapshotReply":
      return true
    default:
      return false
  }
}

/** To one that rests. */
export const isNewsToFollower = (node: Node, input: Input): boolean => {
  if (input.type !== "Received") return isNewsOfOwn(node, input)
  const { message } = input
  if (message.term > node.term || message.type === "VoteRequest") return true
  return message.term === node.term && isLeadersNews(node, message)
}

/** All that a leader says, but that there is nothing to do. */
const isLeadersNews = (node: Node, message: Message): boolean => {
  switch (message.type) {
    case "HeartbeatRequest":
      return !message.rest || message.commit !== node.commitIndex
    case "AppendRequest":
    case "SnapshotChunk":
    case "TimeoutNow":
      return true
    default:
      return false
  }
}

/** What the disk and the machine say of what they had to do is none: a group that rests has left them nothing. */
const isNewsOfOwn = (node: Node, input: Input): boolean => {
  switch (input.type) {
    case "RestAllowed":
      return !input.isAllowed
    case "RoomChanged":
      return input.isShort !== node.isShort
    case "ReadRequested":
    case "Proposed":
    case "ChangeAsked":
    case "ResetAsked":
    case "TransferAsked":
    case "HoldChanged":
    case "LossFound":
    case "ChunkKept":
    case "SnapshotCompleted":
    case "Stirred":
      return true
    default:
      return false
  }
}
