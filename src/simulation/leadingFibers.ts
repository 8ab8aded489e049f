// What users have run where a group leads, on the virtual time of its node, with somebody who looks on.

import { Effect, Layer } from "effect"
import { type Leadership, Leading, type Unanswered } from "../machine/leading/Leading.ts"
import { layerLeading } from "../machine/leading/layer.ts"
import { openFiber } from "../machine/leading/openFiber.ts"
import type { MachineHost } from "../machine/MachineHost.ts"
import type { Outcome } from "../machine/outcome.ts"
import type { Registry } from "../machine/Registry.ts"

export interface LeadingWatcher {
  readonly leads: (leadership: Leadership) => void
  /** Called with what becomes of it; never when nobody waits for that any more. */
  readonly proposes: (leadership: Leadership, command: Uint8Array) => (answer: Outcome | Unanswered) => void
  readonly told: (message: string, details: Readonly<Record<string, unknown>>) => void
}

/** Nothing at all when no actor has anything to run. */
export const layerLeadingFibers = (
  registry: Registry,
  watcher: LeadingWatcher,
): Layer.Layer<never, never, MachineHost> => {
  if (!registry.current.values().some(({ leading }) => leading !== null)) return Layer.empty
  const watched = (leadership: Leadership): Leadership => ({
    ...leadership,
    propose: (command, millisMax) =>
      Effect.suspend(() => {
        const answered = watcher.proposes(leadership, command)
        return Effect.tap(leadership.propose(command, millisMax), (answer) =>
          Effect.sync(() => answered(answer)),
        )
      }),
  })
  const open = () => openFiber(registry)
  return Layer.effect(
    Leading,
    Effect.map(Leading, (service) =>
      service === null
        ? null
        : {
            ...service,
            lead: (leadership) =>
              Effect.suspend(() => {
                watcher.leads(leadership)
                return service.lead(watched(leadership))
              }),
          },
    ),
  ).pipe(Layer.provide(layerLeading({ open, told: watcher.told, printed: () => {} })))
}
