import { expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { parseReference } from "../../src/oci/reference.js";
import { createRegistry } from "../../src/registry/createRegistry.js";
import { fetchEntries } from "../../src/content/images.js";
import { startPeer } from "../helpers/peer.js";

test("a list of lists is bounded by the manifests in all of them", async () => {
  const peer = await startPeer();
  const client = await createRegistry({ domain: peer.host });
  const index = (tag: string, mediaType: string, body: Buffer, count: number): Buffer => {
    const child = { mediaType, digest: digestOf(body), size: body.byteLength };
    const manifests = Array.from({ length: count }, () => child);
    const list = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
    peer.putManifest("app", OCI_INDEX, list, tag);
    return list;
  };
  try {
    const image = peer.putImage("app", { tag: "image" });
    const inner = index("inner", OCI_MANIFEST, image.body, 5_000);
    index("outer", OCI_INDEX, inner, 3);
    const fetched = fetchEntries(client, parseReference(`${peer.host}/app:outer`));
    await expect(fetched).rejects.toThrow("a list of more than 10000 manifests");
  } finally {
    await client.close();
    await peer.close();
  }
});
