import { describe, expect, it } from "vitest";
import type { BlobOutcome, EnsureOptions, Repository } from "../../src/content/repository.js";
import { SharedTargets } from "../../src/content/sharedTargets.js";
import { descriptor } from "../../src/oci/descriptor.js";
import { parseManifest } from "../../src/oci/manifest.js";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { locatedAt } from "../helpers/locatedAt.js";

const child = parseManifest(
  OCI_INDEX,
  Buffer.from(`{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[]}`),
);
const blob = { digest: `sha256:${"b".repeat(64)}`, size: 5, foreign: false };
const AS_CHILD = { role: "child" } as const;
const ENSURE: EnsureOptions = { mountOnly: false };

/** A repository that notes what it is asked, and waits until it is let go. */
function target(outcome: BlobOutcome = { kind: "mounted" }) {
  const asked: string[] = [];
  const has = new Set<string>();
  let hold: Promise<void> = Promise.resolve();
  const repository: Repository = locatedAt("team/app", {
    resolve: (reference) => {
      asked.push(`HEAD ${reference}`);
      return Promise.resolve(has.has(reference) ? descriptor(OCI_INDEX, child.digest, 70) : undefined);
    },
    put: async ({ digest }, tags, { restore } = {}) => {
      asked.push(`PUT ${tags[0] ?? digest}`);
      await hold;
      if (tags.length > 0 && !has.has(child.digest)) await restore?.();
      has.add(digest);
    },
    ensureBlob: async ({ digest }) => {
      asked.push(`POST ${digest}`);
      await hold;
      return outcome;
    },
  });
  return {
    asked,
    has,
    repository,
    /** Nothing ends before this is called. */
    holding: (): (() => void) => {
      let release = (): void => undefined;
      hold = new Promise((resolve) => (release = resolve));
      return release;
    },
  };
}

describe("a repository that several lists are pushed to", () => {
  it("gets a child that they share once, though they all find it missing at the same moment", async () => {
    const { asked, repository, holding } = target();
    const shared = new SharedTargets();
    const release = holding();
    const puts = [1, 2, 3].map(() => shared.around(repository).put(child, [], AS_CHILD));
    release();
    await Promise.all(puts);
    await shared.around(repository).put(child, [], AS_CHILD);
    expect(asked).toEqual([`PUT ${child.digest}`]);
  });

  it("is not asked for what one of them has put or found", async () => {
    const { asked, has, repository } = target();
    has.add(child.digest);
    const shared = new SharedTargets();
    expect(await shared.around(repository).resolve(child.digest)).toMatchObject({ digest: child.digest });
    expect(await shared.around(repository).resolve(child.digest)).toMatchObject({ digest: child.digest });
    await shared.around(repository).put(child, [], AS_CHILD);
    expect(asked).toEqual([`HEAD ${child.digest}`]);
  });

  it("is asked once for what they all want to know at the same moment, be it there or not", async () => {
    const { asked, repository } = target();
    const shared = new SharedTargets();
    const found = await Promise.all([1, 2, 3].map(() => shared.around(repository).resolve(child.digest)));
    expect(found).toEqual([undefined, undefined, undefined]);
    expect(asked).toEqual([`HEAD ${child.digest}`]);
  });

  it("is asked for a tag each time, and for what must be known", async () => {
    const { asked, has, repository } = target();
    has.add("v1").add(child.digest);
    const one = new SharedTargets().around(repository);
    await one.resolve("v1");
    await one.resolve("v1");
    await one.resolve(child.digest);
    await one.resolve(child.digest, { mustKnow: true });
    expect(asked).toEqual(["HEAD v1", "HEAD v1", `HEAD ${child.digest}`, `HEAD ${child.digest}`]);
  });

  it("gets a blob that they share once, unless it did not get there", async () => {
    const there = target();
    const shared = new SharedTargets();
    const release = there.holding();
    const mounts = [1, 2, 3].map(() => shared.around(there.repository).ensureBlob(blob, [], ENSURE));
    release();
    expect((await Promise.all(mounts)).map(({ kind }) => kind)).toEqual(["mounted", "present", "present"]);
    expect(there.asked).toEqual([`POST ${blob.digest}`]);

    const unneeded = target({ kind: "unneeded" });
    const others = new SharedTargets();
    await others.around(unneeded.repository).ensureBlob(blob, [], ENSURE);
    await others.around(unneeded.repository).ensureBlob(blob, [], ENSURE);
    expect(unneeded.asked).toHaveLength(2);
  });

  it("gets all again when it says that it lacks something", async () => {
    const { asked, has, repository } = target();
    const shared = new SharedTargets();
    const one = shared.around(repository);
    await one.put(child, [], AS_CHILD);
    await one.ensureBlob(blob, [], ENSURE);
    // It was there, and somebody has deleted it.
    has.clear();
    asked.length = 0;
    const restore = async (): Promise<void> => {
      await one.ensureBlob(blob, [], ENSURE);
      await one.put(child, [], AS_CHILD);
    };
    await one.put(child, ["v1"], { role: "root", restore });
    expect(asked).toEqual(["PUT v1", `POST ${blob.digest}`, `PUT ${child.digest}`]);
  });

  it("gets a blob that is known to be missing, whatever was known before", async () => {
    const { asked, repository } = target();
    const one = new SharedTargets().around(repository);
    await one.ensureBlob(blob, [], ENSURE);
    await one.ensureBlob(blob, [], { ...ENSURE, isMissing: true });
    expect(asked).toHaveLength(2);
  });

  it("gets it from the next one where the first has failed", async () => {
    const { repository } = target();
    let tries = 0;
    const flaky = locatedAt("team/app", {
      put: (manifest, tags, options) =>
        ++tries === 1 ? Promise.reject(new Error("cut off")) : repository.put(manifest, tags, options),
    });
    const shared = new SharedTargets();
    const results = await Promise.allSettled([1, 2].map(() => shared.around(flaky).put(child, [], AS_CHILD)));
    expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(tries).toBe(2);
  });
});
