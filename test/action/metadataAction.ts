/**
 * What docker/metadata-action puts out, as its own tests expect it.
 * https://github.com/docker/metadata-action/blob/master/__tests__/meta.test.ts
 */

export interface MetadataOutputs {
  readonly tags: readonly string[];
  readonly labels: readonly string[];
  /** Without their levels, which depend on DOCKER_METADATA_ANNOTATIONS_LEVELS. */
  readonly annotations: readonly string[];
}

/** Two images, labels and annotations of the user's own. Its `latest09`. */
export const TWO_IMAGES: MetadataOutputs = {
  tags: ["org/app:v1.1.1", "ghcr.io/myuser/myapp:v1.1.1"],
  labels: [
    "maintainer=CrazyMax",
    "org.opencontainers.image.created=2020-01-10T00:30:00.000Z",
    'org.opencontainers.image.description=this is a "good" example',
    "org.opencontainers.image.licenses=MIT",
    "org.opencontainers.image.revision=860c1904a1ce19322e91ac35af1ab07466440c37",
    "org.opencontainers.image.source=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.title=MyCustomTitle",
    "org.opencontainers.image.url=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.vendor=MyCompany",
    "org.opencontainers.image.version=v1.1.1",
  ],
  annotations: [
    "maintainer=Foo",
    "org.opencontainers.image.created=2020-01-10T00:30:00.000Z",
    'org.opencontainers.image.description=this is a "bad" example',
    "org.opencontainers.image.licenses=MIT",
    "org.opencontainers.image.revision=860c1904a1ce19322e91ac35af1ab07466440c37",
    "org.opencontainers.image.source=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.title=MyNotTitle",
    "org.opencontainers.image.url=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.vendor=MyNotCompany",
    "org.opencontainers.image.version=v1.1.1",
  ],
};

/** A label with `=` in its value. Its `json07`. */
export const WITH_EQUALS_SIGN: MetadataOutputs = {
  tags: ["org/app:v1.1.1", "org/app:latest"],
  labels: [
    "maintainer=CrazyMax",
    "org.opencontainers.image.created=2020-01-10T00:30:00.000Z",
    "org.opencontainers.image.description=Another description",
    "org.opencontainers.image.licenses=MIT",
    "org.opencontainers.image.revision=860c1904a1ce19322e91ac35af1ab07466440c37",
    "org.opencontainers.image.source=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.title=MyCustom=Title",
    "org.opencontainers.image.url=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.vendor=MyCompany",
    "org.opencontainers.image.version=v1.1.1",
  ],
  annotations: [
    "org.opencontainers.image.created=2020-01-10T00:30:00.000Z",
    "org.opencontainers.image.description=This your first repo!",
    "org.opencontainers.image.licenses=MIT",
    "org.opencontainers.image.revision=860c1904a1ce19322e91ac35af1ab07466440c37",
    "org.opencontainers.image.source=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.title=Hello-World",
    "org.opencontainers.image.url=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.version=v1.1.1",
  ],
};

/** A label without a value; one that is none is dropped. Its `json01`. */
export const EMPTY_VALUE: MetadataOutputs = {
  tags: ["user/app:dev", "user/app:my", "user/app:custom", "user/app:tags"],
  labels: [
    "foo=",
    "org.opencontainers.image.created=2020-01-10T00:30:00.000Z",
    "org.opencontainers.image.description=This your first repo!",
    "org.opencontainers.image.licenses=MIT",
    "org.opencontainers.image.revision=860c1904a1ce19322e91ac35af1ab07466440c37",
    "org.opencontainers.image.source=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.title=Hello-World",
    "org.opencontainers.image.url=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.version=dev",
  ],
  annotations: [
    "org.opencontainers.image.created=2020-01-10T00:30:00.000Z",
    "org.opencontainers.image.description=This your first repo!",
    "org.opencontainers.image.licenses=MIT",
    "org.opencontainers.image.revision=860c1904a1ce19322e91ac35af1ab07466440c37",
    "org.opencontainers.image.source=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.title=Hello-World",
    "org.opencontainers.image.url=https://github.com/octocat/Hello-World",
    "org.opencontainers.image.version=dev",
  ],
};

/** Bare tags, where the user gave no images. Its `push21`. */
export const WITHOUT_IMAGES = ["mytag-master", "mytag-20200110", "mytag-tag-"];

/** The output `annotations` for these levels. */
export function annotationsOutput({ annotations }: MetadataOutputs, ...levels: readonly string[]): string {
  return levels.flatMap((level) => annotations.map((line) => `${level}:${line}`)).join("\n");
}
