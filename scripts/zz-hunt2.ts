import { plan } from "/work/w/manysim/src/simulation/plan.ts"
import { run } from "/work/w/manysim/src/simulation/run.ts"

const [from, to] = process.argv.slice(2).map(Number)
let n = 0
for (let s = from!; s <= to!; s++) {
  const script = plan(s)
  if (script.groups === undefined) continue
  n++
  const r = run(script)
  if (r.failure !== null) {
    console.log(
      process.env.RAFTLET_PLANT,
      "CAUGHT by seed",
      s,
      r.failure.checker,
      r.failure.message.slice(0, 200),
    )
    process.exit(0)
  }
}
console.log(process.env.RAFTLET_PLANT, "missed", n)
