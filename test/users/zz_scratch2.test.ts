import { it } from "vitest";
import { appendFileSync, writeFileSync, readFileSync, cpSync } from "node:fs";
import { useWorkplace } from "../helpers/workplace.js";
import { buildx } from "../helpers/buildx.js";
const w = useWorkplace();
it("x", async () => {
  const r = await w.registry();
  const a = r.putImage("team/app", { architecture: "amd64", tag: "a", kind: "oci" });
  const A = `${r.host}/team/app:a`;
  await w.out("imagetools", "create", "--prefer-index=false", "-t", `oci-layout://${w.path("good")}:v1`, A);
  const index = readFileSync(w.path("good", "index.json")).toString();
  writeFileSync("/tmp/explore4.txt", index + "\n");
  for (const [name, to] of [
    ["s", "3"],
    ["big", "100000"],
    ["neg", "-3"],
    ["zero", "0"],
  ]) {
    cpSync(w.path("good"), w.path(name!), { recursive: true });
    writeFileSync(w.path(name!, "index.json"), index.replace(/"size":\d+/, `"size":${to}`));
    const src = `oci-layout://${w.path(name!)}:v1`;
    for (const argv of [
      ["--dry-run", src],
      ["-t", `${r.host}/x/${name}:1`, src],
      ["--prefer-index=false", "-t", `${r.host}/x/${name}:2`, src],
    ]) {
      const b = await buildx(["imagetools", "create", ...argv], w.folder);
      appendFileSync(
        "/tmp/explore4.txt",
        `buildx ${argv.join(" ")} ${b.status} ${b.stdoutBytes} ${b.stderr}\n`,
      );
      if (argv[0] === "-t")
        appendFileSync("/tmp/explore4.txt", (r.manifest(`x/${name}`, "1")?.body.toString() ?? "none") + "\n");
      const o = await w.run("imagetools", "create", ...argv.map((x) => x.replace("/x/", "/y/")));
      appendFileSync("/tmp/explore4.txt", `ours ${o.status} ${o.stdout} ${o.stderr}\n`);
      if (argv[0] === "-t")
        appendFileSync("/tmp/explore4.txt", (r.manifest(`y/${name}`, "1")?.body.toString() ?? "none") + "\n");
    }
    const o = await w.run("create", `${r.host}/z/${name}:1`, src);
    appendFileSync("/tmp/explore4.txt", `ours create ${o.status} ${o.stdout} ${o.stderr}\n`);
    const p = await w.run("inspect", `${r.host}/z/${name}:1`);
    appendFileSync("/tmp/explore4.txt", `ours inspect ${p.status} ${p.stdout} ${p.stderr}\n`);
  }
}, 300000);
