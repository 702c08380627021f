import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copy, pushList, type PlanProgress, type PushEvent } from "../../src/index.js";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";

/** Events of a push say how much of how much is done. */

let here: RunningRegistry;
let there: RunningRegistry;

beforeAll(async () => {
  here = await startRegistry();
  for (const architecture of ["amd64", "arm64"]) {
    here.putImage("app", { tag: architecture, architecture, kind: "oci", layers: 3, seed: architecture });
  }
  await pushList(`${here.host}/app:v1`, { from: ["amd64", "arm64"].map((tag) => `${here.host}/app:${tag}`) });
});
afterAll(() => here.close());

async function copied(onEvent: (event: PushEvent) => void = () => undefined): Promise<PlanProgress[]> {
  const told: PlanProgress[] = [];
  await copy(`${here.host}/app:v1`, `${there.host}/app:v1`, {
    retryLimits: { baseMs: 1, capMs: 1, longestRetryAfterMs: 1, totalMs: 10_000 },
    onEvent: (event) => {
      onEvent(event);
      if (event.kind === "progress") told.push(event);
    },
  });
  return told;
}

const blobBytes = (): number =>
  here.manifest("app", "v1") === undefined
    ? 0
    : ["amd64", "arm64"].reduce((sum, tag) => {
        const { config, layers } = JSON.parse(here.manifest("app", tag)?.body.toString() ?? "{}") as {
          config: { size: number };
          layers: { size: number }[];
        };
        return sum + [config, ...layers].reduce((all, { size }) => all + size, 0);
      }, 0);

describe("progress", () => {
  it("begins with the totals, and ends when all is done", async () => {
    there = await startRegistry();
    const told = await copied();
    const total = blobBytes();
    expect(told[0]).toMatchObject({
      target: { kind: "registry", domain: there.host, path: "app" },
      children: { done: 0, total: 2 },
      blobs: { done: 0, total: 8 },
      bytes: { done: 0, total },
    });
    expect(told.at(-1)).toMatchObject({
      children: { done: 2, total: 2 },
      blobs: { done: 8, total: 8 },
      bytes: { done: total, total },
    });
    await there.close();
  });

  it("counts what is there already as done", async () => {
    there = await startRegistry();
    await copied();
    const told = await copied();
    expect(told.at(-1)).toMatchObject({ children: { done: 2, total: 2 }, bytes: { done: blobBytes() } });
    await there.close();
  });

  it("does not count the bytes of a copy twice that has to be begun again", async () => {
    let failures = 3;
    there = await startRegistry({
      onRequest: ({ method, route }) =>
        method === "PUT" && route?.kind === "upload" && failures-- > 0
          ? { cut: "after" as const }
          : undefined,
    });
    let sent = 0;
    const told = await copied((event) => {
      if (event.kind === "bytes") sent += event.count;
    });
    const total = blobBytes();
    expect(failures).toBeLessThan(0);
    expect(sent).toBeGreaterThanOrEqual(total);
    expect(told.every(({ bytes }) => bytes.done <= total)).toBe(true);
    expect(told.at(-1)?.bytes).toEqual({ done: total, total });
    await there.close();
  });
});
