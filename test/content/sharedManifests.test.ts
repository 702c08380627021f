import { describe, expect, it } from "vitest";
import { SharedManifests } from "../../src/content/sharedManifests.js";
import { parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { NO_PLATFORM } from "../../src/oci/platform.js";
import { locatedAt } from "../helpers/locatedAt.js";

const repository = locatedAt("team/app");
const index = (name: string, padding = ""): Manifest =>
  parseManifest(
    OCI_INDEX,
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [],
        annotations: { name, padding },
      }),
    ),
  );

/** Reads from nothing but this, and notes what it was asked. */
function reader(...manifests: readonly Manifest[]) {
  const asked: string[] = [];
  return {
    asked,
    read: (reference: string): Promise<Manifest> => {
      asked.push(reference);
      const found = manifests.find(({ digest }) => digest === reference) ?? manifests[0];
      return found === undefined ? Promise.reject(new Error("not there")) : Promise.resolve(found);
    },
  };
}

describe("what several lists are made of", () => {
  it("is read once by its tag, once by its digest, and not by its digest when it was read by its tag", async () => {
    const shared = new SharedManifests();
    const v1 = index("v1");
    const { asked, read } = reader(v1);
    await Promise.all([1, 2, 3].map(() => shared.manifest(repository, "v1", read)));
    expect(await shared.manifest(repository, "v1", read)).toBe(v1);
    expect(await shared.manifest(repository, v1.digest, read)).toBe(v1);
    expect(asked).toEqual(["v1"]);
  });

  it("is read in each repository: one may show what another does not", async () => {
    const shared = new SharedManifests();
    const v1 = index("v1");
    const { asked, read } = reader(v1);
    await shared.manifest(repository, v1.digest, read);
    await shared.manifest(locatedAt("team/other"), v1.digest, read);
    expect(asked).toEqual([v1.digest, v1.digest]);
  });

  it("names the same image by a tag all the time, though the tag moves, and though its manifest is kept no more", async () => {
    const shared = new SharedManifests();
    const first = index("first");
    expect(await shared.manifest(repository, "v1", reader(first).read)).toBe(first);
    const large = Array.from({ length: 5 }, (_, at) => index(`large ${at}`, "x".repeat(3 * 1024 * 1024)));
    for (const one of large) await shared.manifest(repository, one.digest, reader(one).read);
    const moved = reader(index("second"), first);
    expect(await shared.manifest(repository, "v1", moved.read)).toBe(first);
    expect(moved.asked).toEqual([first.digest]);
  });

  it("is read again by those who waited for somebody else who failed", async () => {
    const shared = new SharedManifests();
    const v1 = index("v1");
    const failing = reader();
    const working = reader(v1);
    const [one, other] = await Promise.allSettled([
      shared.manifest(repository, "v1", failing.read),
      shared.manifest(repository, "v1", working.read),
    ]);
    expect(one.status).toBe("rejected");
    expect(other).toEqual({ status: "fulfilled", value: v1 });
  });

  it("says its platform once", async () => {
    const shared = new SharedManifests();
    let asked = 0;
    const read = () => {
      asked++;
      return asked === 1 ? Promise.reject(new Error("cut off")) : Promise.resolve(NO_PLATFORM);
    };
    await expect(shared.platform("sha256:c", read)).rejects.toThrow("cut off");
    expect(await shared.platform("sha256:c", read)).toBe(NO_PLATFORM);
    expect(await shared.platform("sha256:c", read)).toBe(NO_PLATFORM);
    expect(asked).toBe(2);
  });
});
