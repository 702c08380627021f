import { describe, expect, it } from "vitest";
import { descriptor, type Descriptor } from "../../src/oci/descriptor.js";
import { encodeEntry, type Entry } from "../../src/list/entry.js";
import { parseImageManifest } from "../../src/oci/manifest.js";
import { showDockerList, showEntries, showEntry, showManifest } from "../../src/list/inspect.js";
import { DEFAULT_SETTINGS, emptyDraft } from "../../src/list/draft.js";
import { dockerMediaType, encodeDockerList, encodeList, lostInList } from "../../src/list/encode.js";
import { attestationOf, inIndex } from "../helpers/attestations.js";
import { entryOf } from "../helpers/entries.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { locationOf } from "../../src/oci/location.js";
import { NO_PLATFORM, type Platform } from "../../src/oci/platform.js";
import { parseReference } from "../../src/oci/reference.js";

const DIGEST = `sha256:${"a".repeat(64)}`;

function item(platform: Partial<Platform> | undefined, mediaType = DOCKER_MANIFEST): Descriptor {
  const plain = descriptor(mediaType, DIGEST, 528);
  return platform === undefined ? plain : { ...plain, platform: { ...NO_PLATFORM, ...platform } };
}

describe("a list's bytes", () => {
  it("are docker's: three spaces, its own order of fields, no newline at the end", () => {
    const windows = {
      os: "windows",
      architecture: "amd64",
      "os.version": "10.0.1",
      "os.features": ["win32k", "<"],
    };
    const list = encodeDockerList([item({ os: "linux", architecture: "arm", variant: "v7" }), item(windows)]);
    expect(list.toString()).toBe(`{
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
   "manifests": [
      {
         "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
         "size": 528,
         "digest": "${DIGEST}",
         "platform": {
            "architecture": "arm",
            "os": "linux",
            "variant": "v7"
         }
      },
      {
         "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
         "size": 528,
         "digest": "${DIGEST}",
         "platform": {
            "architecture": "amd64",
            "os": "windows",
            "os.version": "10.0.1",
            "os.features": [
               "win32k",
               "\\u003c"
            ]
         }
      }
   ]
}`);
  });

  it("have an empty platform where there is none, and no annotations", () => {
    const annotated = { ...item(undefined), annotations: { a: "b" } };
    expect(encodeDockerList([annotated]).toString()).toContain(
      '"platform": {\n            "architecture": "",\n            "os": ""\n         }\n      }\n   ]\n}',
    );
  });

  it("of no entries are a docker list of nothing", () => {
    expect(showDockerList([]).toString()).toBe(
      `{\n   "schemaVersion": 2,\n   "mediaType": "${DOCKER_LIST}",\n   "manifests": []\n}\n`,
    );
  });

  it("are an OCI index if the first entry is OCI's, whatever follows", () => {
    expect(dockerMediaType([item({}, OCI_MANIFEST), item({})])).toBe(OCI_INDEX);
    expect(dockerMediaType([item({}), item({}, OCI_MANIFEST)])).toBe(DOCKER_LIST);
  });
});

describe("the list of a draft", () => {
  const LIST = parseReference("r.example/app:v1");
  const image = inIndex("r.example/app:latest", entryOf("r.example/app:latest"));
  const draft = (...entries: readonly Entry[]) => ({ ...emptyDraft(LIST), entries });
  const shown = (manifest: { readonly bytes: Buffer }): unknown => JSON.parse(manifest.bytes.toString());

  it("is docker's, to the byte, where docker could have made it", () => {
    const list = encodeList(draft(image));
    expect(list.bytes).toEqual(encodeDockerList([image.descriptor]));
    expect(list).toMatchObject({ kind: "index", mediaType: DOCKER_LIST, children: [image.descriptor] });
  });

  it("is an OCI index with whole descriptors where an entry says more than docker has words for", () => {
    const said = {
      ...image.descriptor,
      urls: ["https://r.example/x"],
      annotations: { b: "2", a: "1" },
      data: Buffer.from("{}"),
      artifactType: "a/b",
    };
    const list = encodeList(draft({ ...image, descriptor: said }, attestationOf(image)));
    expect(list.mediaType).toBe(OCI_INDEX);
    const attestation = attestationOf(image).descriptor;
    expect(shown(list)).toEqual({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [
        {
          mediaType: DOCKER_MANIFEST,
          digest: image.descriptor.digest,
          size: image.descriptor.size,
          urls: ["https://r.example/x"],
          annotations: { a: "1", b: "2" },
          data: "e30=",
          platform: { architecture: "amd64", os: "linux" },
          artifactType: "a/b",
        },
        {
          mediaType: DOCKER_MANIFEST,
          digest: attestation.digest,
          size: attestation.size,
          annotations: attestation.annotations,
          platform: { architecture: "unknown", os: "unknown" },
        },
      ],
    });
    expect(list.bytes.toString()).toContain(
      '"annotations": {\n            "a": "1",\n            "b": "2"\n',
    );
  });

  it("has the index's own annotations, subject and artifact type, in the specification's order", () => {
    const subject = descriptor(OCI_MANIFEST, DIGEST, 7);
    const settings = { ...DEFAULT_SETTINGS, annotations: { z: "<" }, subject, artifactType: "x/y" };
    const list = encodeList({ ...draft(image), settings });
    expect(Object.keys(shown(list) as object)).toEqual([
      "schemaVersion",
      "mediaType",
      "artifactType",
      "manifests",
      "subject",
      "annotations",
    ]);
    expect(list).toMatchObject({ artifactType: "x/y", annotations: { z: "<" }, subject });
  });

  it("is what its settings ask for: an OCI index of docker's images, docker's list of OCI's", () => {
    const oci = { ...image, descriptor: { ...image.descriptor, mediaType: OCI_MANIFEST } };
    const typed = (type: "docker" | "oci", entry: Entry) =>
      encodeList({ ...draft(entry), settings: { ...DEFAULT_SETTINGS, type } }).mediaType;
    expect([typed("oci", image), typed("docker", oci)]).toEqual([OCI_INDEX, DOCKER_LIST]);
  });

  it("as docker's list loses annotations, which is told, and takes no attestations, which is refused", () => {
    const settings = { ...DEFAULT_SETTINGS, type: "docker" as const, annotations: { a: "b" } };
    const annotated = { ...image, descriptor: { ...image.descriptor, annotations: { a: "b" } } };
    expect(lostInList(draft(annotated))).toEqual([]);
    expect(lostInList({ ...draft(annotated), settings })).toEqual([
      "annotations and the like of 1 entry",
      "the index's own annotations, subject and artifact type",
    ]);
    expect(() => encodeList({ ...draft(image, attestationOf(image)), settings })).toThrow(
      expect.objectContaining({ code: "ATTESTATION_LOST" }),
    );
  });

  it("has no platform for an artifact that has none", () => {
    const artifact = parseImageManifest(
      OCI_MANIFEST,
      Buffer.from(`{"mediaType":"${OCI_MANIFEST}","artifactType":"x/y","config":{}}`),
    );
    const entry = { ...image, manifest: artifact, descriptor: descriptor(OCI_MANIFEST, DIGEST, 7) };
    expect(shown(encodeList(draft(entry)))).toMatchObject({
      mediaType: OCI_INDEX,
      manifests: [{ mediaType: OCI_MANIFEST, digest: DIGEST, size: 7 }],
    });
  });
});

describe("an entry's bytes", () => {
  const bytes = Buffer.from(
    `{\n  "mediaType": "${OCI_MANIFEST}", "x": "<\u00fc>", "layers": [ ],\n "config": {}\n}\n`,
  );
  const compact = `{"mediaType":"${OCI_MANIFEST}","x":"\\u003c\u00fc\\u003e","layers":[],"config":{}}`;
  const entry: Entry = {
    ref: parseReference("localhost/a"),
    source: locationOf(parseReference("localhost/a")),
    descriptor: {
      ...item({ os: "linux", architecture: "amd64" }, OCI_MANIFEST),
      urls: ["https://a/?b&c"],
      annotations: { "\ud83d\ude80": "3", "\uffff": "2", a: "1" },
      data: Buffer.from("abc"),
      artifactType: "a/b",
    },
    raw: bytes,
    manifest: parseImageManifest(OCI_MANIFEST, bytes),
  };

  it("are one line in docker's order, with the registry's own JSON compacted", () => {
    expect(encodeEntry(entry).toString()).toBe(
      '{"Ref":"localhost/a:latest",' +
        `"Descriptor":{"mediaType":"${OCI_MANIFEST}","digest":"${DIGEST}","size":528,` +
        '"urls":["https://a/?b\\u0026c"],"annotations":{"a":"1","\uffff":"2","\ud83d\ude80":"3"},"data":"YWJj",' +
        '"platform":{"architecture":"amd64","os":"linux"},"artifactType":"a/b"},' +
        `"Raw":"${bytes.toString("base64")}","OCIManifest":${compact}}`,
    );
  });

  it("have no Raw and no manifest where there is none", () => {
    const old: Entry = { ...entry, descriptor: item(undefined), raw: undefined, manifest: undefined };
    expect(encodeEntry(old).toString()).toBe(
      `{"Ref":"localhost/a:latest","Descriptor":{"mediaType":"${DOCKER_MANIFEST}","digest":"${DIGEST}","size":528}}`,
    );
  });

  it("are what inspect shows, indented by tabs", () => {
    const old: Entry = { ...entry, descriptor: item(undefined), raw: undefined, manifest: undefined };
    const shown = `{\n\t"Ref": "localhost/a:latest",\n\t"Descriptor": {\n\t\t"mediaType": "${DOCKER_MANIFEST}",\n\t\t"digest": "${DIGEST}",\n\t\t"size": 528\n\t}\n}`;
    expect(showEntry(old).toString()).toBe(`${shown}\n`);
    expect(showEntries([old, old]).toString()).toBe(
      `[\n\t${shown.replaceAll("\n", "\n\t")},\n\t${shown.replaceAll("\n", "\n\t")}\n]\n`,
    );
    expect(showEntries([]).toString()).toBe("[]\n");
    expect(showManifest(Buffer.from('{"a":"<"}')).toString()).toBe('{\n\t"a": "<"\n}\n');
  });

  it("keep bytes that are no UTF-8", () => {
    const odd = Buffer.concat([
      Buffer.from('{"config":{},"x":"'),
      Buffer.from([0xff, 0xc3]),
      Buffer.from('"}'),
    ]);
    const encoded = encodeEntry({ ...entry, raw: odd, manifest: parseImageManifest(OCI_MANIFEST, odd) });
    expect(encoded.subarray(-odd.length - 1)).toEqual(Buffer.concat([odd, Buffer.from("}")]));
  });
});
