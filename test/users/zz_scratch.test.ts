import { it } from "vitest";
import { appendFileSync, writeFileSync, mkdirSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { useWorkplace } from "../helpers/workplace.js";
import { putBuild } from "../helpers/builds.js";
import { openLayout } from "../../src/content/layout.js";
const w = useWorkplace();
it("x", async () => {
  const r = await w.registry();
  const a = putBuild(r, "team/app", { architecture: "amd64", tag: "a" });
  const b = putBuild(r, "team/app", { architecture: "arm64", tag: "b" });
  const other = putBuild(r, "other/app", { architecture: "s390x", tag: "b" });
  const T = `${r.host}/team/app:v1`,
    A = `${r.host}/team/app:a`,
    B = `${r.host}/team/app:b`;
  const L = `${r.host}/team/list:v1`;
  const d = w.touch([a.index.digest, b.index.digest]);
  const foreign = w.touch([a.index.digest, other.index.digest], "foreign");
  mkdirSync(w.path("emptyd"));
  w.write("wrongname/hello", "");
  w.write("esc/a\u001b[31mb", "");
  w.write("meta-broken.json", "{");
  w.write("meta-array.json", "[]");
  w.write("meta-nothing.json", "{}");
  w.write("meta-baddigest.json", JSON.stringify({ "containerimage.digest": "sha256:xyz" }));
  w.write(
    "meta-badname.json",
    JSON.stringify({ "containerimage.digest": a.index.digest, "image.name": "UPPER/Case" }),
  );
  w.write("src-bad.json", '{"mediaType":3}');
  w.write("big", Buffer.alloc(5 * 1024 * 1024, "x"));
  w.write("big.json", Buffer.alloc(17 * 1024 * 1024, " "));
  w.write("storefile", "x");
  w.write("esc.json", "\u001b[31mhello");
  execFileSync("mkfifo", [w.path("fifo")]);
  await w.out("create", L, A, B);
  const out = "/tmp/explore.txt";
  writeFileSync(out, "");
  const C = ["imagetools", "create", "-t", T];
  const lines: string[][] = [
    [...C, "--expect", "linux/amd65", A],
    [...C, "--expect", "linux/amd65"],
    [...C, "--expect", "", A],
    [...C, "--platform", "linux/amd65", A],
    [...C, "--platform", "linux/foo", A],
    [...C, "--platform", "bogus", A],
    [...C, "--platform", "", A],
    [...C, "--platform", "x86_64", A],
    ["create", L + "x", "--platform", "linux/amd65", A, B],
    ["create", L + "x", "--expect", "linux/amd65", A, B],
    ["create", L + "x", "--expect", "linux/arm46", A, B],
    ["push", "--expect", "linux/amd65", L],
    ["push", "--tag", "bad tag", L],
    ["push", "--tag", "UPPER/x:1", L],
    ["push", "--tag", "", L],
    ["push", "--to", "nowhere", L],
    ["push", "--to", "oci-layout://", L],
    [...C, "--from", w.path("nowhere")],
    [...C, "--from", ""],
    [...C, "--from", w.path("emptyd")],
    [...C, "--from", w.path("wrongname")],
    [...C, "--from", w.path("esc")],
    [...C, "--from", w.path("meta-broken.json")],
    [...C, "--from", w.path("meta-array.json")],
    [...C, "--from", w.path("meta-nothing.json")],
    [...C, "--from", w.path("meta-baddigest.json")],
    [...C, "--from", w.path("meta-badname.json")],
    [...C, "--from", w.path("big.json")],
    ["imagetools", "create", "--dry-run", "--from", d],
    [...C, "--from", foreign],
    ["create", L + "x", "--from", foreign],
    ["create", L + "x", "--from", w.path("meta-broken.json")],
    [...C, "-f", w.path("src-bad.json")],
    [...C, "-f", w.path("big")],
    [...C, "-f", w.folder],
    [...C, "-f", w.path("nope")],
    [...C, "-f", w.path("esc.json")],
    [...C, "-f", ""],
    [...C, "--annotation", "index:=x", A],
    [...C, "--annotation", "=x", A],
    [...C, "--annotation", "index:a", A],
    [...C, "--annotation", "foo:a=b", A],
    [...C, "--annotation", "a=b", A],
    [...C, "--annotation", "manifest:a=b", A],
    [...C, "--annotation", "manifest-descriptor[bogus]:a=b", A],
    [...C, "--annotation", "index-descriptor:a=b", A],
    ["annotate", "--annotation", "index:=x", L],
    ["annotate", "--annotation", "x", L],
    [...C, "--wait", "soon", A],
    [...C, "--wait", "-1s", A],
    [...C, "--wait", "5", A],
    [...C, "--wait", "100000h", w.path("x")],
    ["create", "--wait", "soon", L + "x", A, B],
    ["create", "--wait", "-5s", L + "x", A, B],
    ["push", "--wait", "soon", L],
    ["push", "--wait", "-1s", L],
    ["push", "--type", "helm", L],
    ["push", "--verify=everything", L],
    ["push", "--format", "yaml", "--plan", L],
    ["push", "--format", "json", L],
    [...C, "--attestations", "maybe", A],
    [...C, "--progress", "loud", A],
    [...C, "--append", "--merge", A],
    [...C, "--plan", "--dry-run", A],
    ["imagetools", "create", "--merge", "--dry-run", A],
    [...C, "--plan", "--verify", A],
    ["create", "--amend", "--replace", L, A],
    ["create", "--refresh", L, A],
    ["create", "--append", "--merge", L, A],
    ["create", "--append", "--amend", L, A],
    ["create", "--store", w.path("storefile"), L + "x", A, B],
    ["push", "--store", w.path("storefile"), L],
    ["annotate", "--store", w.path("storefile"), "--arch", "arm64", L, A],
    ["ls", "--store", w.path("storefile")],
    ["push", "--plan", "--purge", L],
    [...C, "a\u001b[31mb"],
    ["imagetools", "create", "-t", "a\u001b[31mb", A],
    [...C, "sha256:zz"],
    [...C, `sha256:${"0".repeat(63)}`],
    [...C, '{"digest":""}'],
    [...C, "{"],
    ["imagetools", "create", "-t", T, "-t", `${r.host}/x/y:1`, a.index.digest],
    [...C, "oci-layout://" + w.path("nolayout")],
    [...C, "--concurrency", "0", A],
    [...C, "--concurrency", "x", A],
    [...C, "--retries", "-1", A],
    [...C, "--ca-file", w.path("nope"), A],
    [...C, "--metadata-file", w.path("no/such/dir/meta.json"), A],
    [...C, "--metadata-file", w.folder, A],
    ["imagetools", "create", "-t", `${T}@${a.index.digest}`, A],
    ["push", "--tag", `${r.host}/x/y@${a.index.digest}`, L],
    ["create", L + "x", "--subject", "bad ref", A, B],
    ["create", L + "x", "--artifact-type", "nonsense", A, B],
    ["push", "--mount-only", "--to", `oci-layout://${w.path("out")}`, L],
  ];
  for (const argv of lines) {
    const before = r.requests.length;
    const timeout = new Promise<undefined>((res) => setTimeout(() => res(undefined), 15000));
    const result = await Promise.race([w.run(...argv), timeout]);
    const reqs = r.requests.slice(before);
    const s = (x: string) => x.replaceAll(w.folder, "$W").replaceAll(r.host, "$R");
    appendFileSync(out, `$ ${argv.map((x) => s(JSON.stringify(x))).join(" ")}\n`);
    if (!result) appendFileSync(out, "  TIMEOUT\n");
    else
      appendFileSync(
        out,
        `  ${result.status} out=${s(JSON.stringify(result.stdout.slice(0, 80)))} err=${s(JSON.stringify(result.stderr.slice(0, 500)))} requests=${reqs.length}${
          reqs.length
            ? " " +
              s(
                reqs
                  .filter((x) => !/^(GET|HEAD)/.test(x))
                  .join(";")
                  .slice(0, 200),
              )
            : ""
        }\n`,
      );
  }
}, 600000);
