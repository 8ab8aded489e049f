// What if the machine has no network namespaces for us? Then all nodes share its loopback, and a proxy of our own
// stands between them.

import type { Place } from "../../test/process/support/NodeProcess.ts"
import { freePorts } from "../../test/process/support/ports.ts"
import { FaultProxy } from "./FaultProxy.ts"
import { clusterId, type Network, nodeIds } from "./Network.ts"

export const makeProxyNetwork = (count: number): Network => {
  const ports = freePorts(count * 2)
  const nodes = nodeIds(count).map((id, at) => ({ id, port: ports[at]!, clientPort: ports[count + at]! }))
  const proxy = new FaultProxy(nodes)
  const places = nodes.map(({ id, port, clientPort }): Place => {
    // As this node sees them: itself where it listens, every other one behind the proxy.
    const portOf = (to: string): number => (to === id ? port : proxy.portOf({ from: id, to }))
    const members = nodes.map((to) => `${to.id}=127.0.0.1:${portOf(to.id)}@127.0.0.1:${to.clientPort}`)
    return {
      id,
      clientAddress: `127.0.0.1:${clientPort}`,
      peerPort: port,
      members: members.join(","),
      flags: ["--cluster-id", clusterId],
    }
  })
  return {
    kind: "proxy",
    delays: true,
    places,
    setWeather: async (weather) => proxy.setWeather(weather),
    remove: () => proxy.close(),
  }
}
