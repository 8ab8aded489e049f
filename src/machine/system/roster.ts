// What is known of the actors, their versions and who has which, for operators to read?

import type { MachineState } from "../execution.ts"
import type { ActorStatus } from "../MachineHost.ts"

/** In order of their names. Counts instances: not for hot paths. */
export const roster = (state: MachineState): ReadonlyArray<ActorStatus> => {
  const { catalogue, instances, quarantines } = state
  return Array.from(catalogue.actors.all(), ({ key: name, value: row }): ActorStatus => {
    const counts = instances.versions(name)
    const versions = row.versions.flatMap((version) => {
      const known = catalogue.row(name, version)
      if (known === null) return []
      const { declared, by, source, index, at, bytes, commands, queries, hasLeading } = known
      const { group = null, shards = null, replicas = null, hasRoutes = false } = known
      const made = { version, declared, by, source, index, at, bytes }
      const instances = counts.get(version) ?? 0
      return [{ ...made, commands, queries, hasLeading, hasRoutes, group, shards, replicas, instances }]
    })
    return {
      name,
      active: row.active,
      previous: row.previous.at(-1) ?? null,
      activatedAt: row.activatedAt,
      suspendedSince:
        row.active === null ? null : (quarantines.suspension(name, row.active)?.last.index ?? null),
      versions,
      offers: row.offers,
      quarantined: quarantines.all().filter(({ actor }) => actor === name),
    }
  })
}
