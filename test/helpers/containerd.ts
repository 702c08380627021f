import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";
import { peerPath } from "./peers.js";

/**
 * containerd's platforms package, in the version that the installed buildx has. `go install` leaves its source behind, so
 * that nothing is downloaded to build with it.
 */
export type Containerd = (questions: readonly object[]) => unknown[];

const NEEDED = [
  "github.com/containerd/platforms",
  "github.com/containerd/log",
  "github.com/opencontainers/image-spec",
  "github.com/opencontainers/go-digest",
  "golang.org/x/sys",
];

function build(): Containerd {
  const info = execFileSync("go", ["version", "-m", peerPath("buildx")], { encoding: "utf8" });
  const versions = new Map(
    [...info.matchAll(/^\tdep\t(\S+)\t(\S+)/gm)].map(([, module = "", version = ""]) => [module, version]),
  );
  const folder = mkdtempSync(join(tmpdir(), "containerd-"));
  try {
    copyFileSync(fileURLToPath(new URL("containerd/main.go", import.meta.url)), join(folder, "main.go"));
    const requirements = NEEDED.map((module) => `require ${module} ${versions.get(module) ?? "v0.0.0"}\n`);
    writeFileSync(join(folder, "go.mod"), `module containerd\n\ngo 1.24\n\n${requirements.join("")}`);
    const env = { ...process.env, GOFLAGS: "-mod=mod", GOPROXY: "off", GOSUMDB: "off", GOWORK: "off" };
    execFileSync("go", ["build", "-o", "containerd", "."], { cwd: folder, env, stdio: "pipe" });
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  process.on("exit", () => {
    rmSync(folder, { recursive: true, force: true });
  });
  return (questions) =>
    execFileSync(join(folder, "containerd"), {
      input: questions.map((question) => JSON.stringify(question)).join("\n"),
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
    })
      .split("\n")
      .slice(0, -1)
      .map((line): unknown => JSON.parse(line));
}

/** A suite beside containerd. Where it cannot be built it says so and is skipped, except in CI, where it fails. */
export function describeWithContainerd(name: string, body: (ask: Containerd) => void): void {
  try {
    const ask = build();
    describe(name, () => {
      body(ask);
    });
  } catch (error) {
    if (process.env["CI"] !== "true") {
      describe.skip(`${name} (skipped: needs go, and what bench/install-peers.sh leaves of buildx)`, () => {
        it("is compared", () => undefined);
      });
      return;
    }
    describe(name, () => {
      it("needs go, and what bench/install-peers.sh leaves of buildx", () => {
        throw error;
      });
    });
  }
}
