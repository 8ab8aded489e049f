// Two of three nodes are gone for good: can an operator go on with the third, and is the past kept out?

import { expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { ask, withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import { runProgram } from "./support/NodeProcess.ts"
import { until } from "./support/wait.ts"

interface Report {
  readonly done: boolean
  readonly best: string
  readonly lostVoters: ReadonlyArray<string>
  readonly committedIndex: number
}

const json = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
})

const add = (url: string, by: number) =>
  ask<{ readonly result: number }>(`${url}/propose/counter/kept/add`, json({ by }))

test(
  "the survivor goes on by decree; the old leader comes back and is fenced off; wiped, it joins again (O7)",
  () =>
    withCluster(async (cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(300)
      await load.stop()
      const leader = await cluster.leader()
      await add(leader.url, 7)
      await cluster.quiet()
      const [survivor, other] = await cluster.followers()
      const refused = await fetch(`${survivor!.url}/admin/reset`, json({ voters: [survivor!.id] }))
      expect(await refused.json()).toMatchObject({ status: 409, code: "has-leader" })

      await Promise.all([leader.kill("SIGKILL"), other!.kill("SIGKILL")])
      await until("nobody to lead", async () => ((await survivor!.group()).leader === null ? true : null))
      const dry = await ask<Report>(`${survivor!.url}/admin/reset`, json({ voters: [survivor!.id] }))
      expect(dry).toMatchObject({ done: false, best: survivor!.id })
      expect([...dry.lostVoters].sort()).toEqual([leader.id, other!.id].sort())
      expect((await survivor!.group()).leader).toBeNull()

      const recover = ["recover", "--url", survivor!.url, "--voters", survivor!.id, "--yes", "--json"]
      const { end, stdout, stderr } = await runProgram(recover)
      expect({ end, stderr }).toEqual({ end: 0, stderr: "" })
      expect(JSON.parse(stdout)).toMatchObject({
        groups: [{ group: "main", done: true, voters: [survivor!.id] }],
      })
      expect(await add(survivor!.url, 1)).toMatchObject({ result: 8 })

      leader.start()
      expect(await leader.ended()).toBe(1)
      expect(leader.log()).toContain(`this cluster was reset without ${leader.id}`)
      expect((await survivor!.group()).leader).toBe(survivor!.id)
      expect(await add(survivor!.url, 1)).toMatchObject({ result: 9 })

      await cluster.dismiss(leader)
      rmSync(leader.data, { recursive: true })
      const again = cluster.newcomer(leader.id)
      again.start()
      await again.ready()
      await until("it to vote", async () => {
        const { members } = await ask<{
          readonly members: ReadonlyArray<{ readonly id: string; readonly role: string }>
        }>(`${survivor!.url}/admin/cluster`)
        return members.some(({ id, role }) => id === leader.id && role === "voter") || null
      })
      expect(await add(again.url, 1)).toMatchObject({ result: 10 })
      await cluster.dismiss(other!)
    }),
  60_000,
)
