// When does a node without a leader say that nobody wants it?

import { expect, test } from "bun:test"
import { outcastBy, withoutLeader } from "../../src/raft/outcast.ts"
import type { PeerConnection, Transport } from "../../src/transport/Transport.ts"
import { describe as connection, emptyTally } from "../../src/transport/tally.ts"

const peer = (id: string, state: PeerConnection["state"], refusal: string | null): PeerConnection =>
  connection(id, state, 0, { ...emptyTally(), refusal })

const among = (...peers: ReadonlyArray<PeerConnection>) =>
  ({ connections: () => peers }) as unknown as Transport["Service"]

test("only when every peer refuses it", () => {
  const refuses = peer("n2", "connecting", "unknown-node")
  expect(outcastBy(among())).toBeNull()
  expect(outcastBy(among(refuses, peer("n3", "connecting", null)))).toBeNull()
  expect(outcastBy(among(refuses, peer("n3", "open", "unknown-node")))).toBeNull()
  const outcast = among(refuses, peer("n3", "connecting", "other-incarnation"))
  expect(outcastBy(outcast)).toBe("n2 refuses it (unknown-node), n3 refuses it (other-incarnation)")
  expect(withoutLeader(outcast)).toContain("no leader is known to this node: n2 refuses it")
})
