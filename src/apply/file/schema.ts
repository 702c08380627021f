import * as z from "zod/mini";

/**
 * What a file of lists says. The JSON Schema for editors is made of it: see tools/schema.js.
 *
 * All values come as they are written: `1.10` is a text of four characters. What kind of value is meant, editors are
 * told by {@link writtenAs}; there, a variable may stand for each of them.
 */

/** How a value is written where JSON Schema has a type of its own for it. */
export type WrittenAs =
  /** Anything: a number and `true` are texts as well. */
  | { readonly type: "text" }
  | { readonly type: "flag" }
  | { readonly type: "count"; readonly max: number }
  | { readonly type: "choice"; readonly values: readonly string[] };
export const writtenAs = z.registry<WrittenAs>();

function written<Schema extends z.ZodMiniType>(schema: Schema, how: WrittenAs): Schema {
  writtenAs.add(schema, how);
  return schema;
}

const text = (description: string): z.ZodMiniString =>
  written(z.string().check(z.minLength(1), z.describe(description)), { type: "text" });

const flag = (description: string): z.ZodMiniString =>
  written(
    z.string().check(z.regex(/^(?:true|false)$/i, { error: "write true or false" }), z.describe(description)),
    { type: "flag" },
  );

const count = (max: number, description: string): z.ZodMiniString =>
  written(
    z.string().check(
      z.refine((digits) => /^\d{1,15}$/.test(digits) && Number(digits) <= max, {
        error: `write a whole number up to ${max}`,
      }),
      z.describe(description),
    ),
    { type: "count", max },
  );

const choice = <const Values extends readonly string[]>(
  values: Values,
  description: string,
): z.ZodMiniEnum<{ [Value in Values[number]]: Value }> =>
  written(z.enum(values).check(z.describe(description)), { type: "choice", values });

const Annotations = z.record(
  z.string().check(z.minLength(1, { error: "a key without a name" })),
  written(z.string(), { type: "text" }),
);

const PlatformText = text("A platform as one text: linux/amd64, linux/arm/v7, windows(10.0.17763)/amd64.");
const PlatformParts = z
  .strictObject({
    architecture: text("As Go names it: amd64, arm64, arm, 386, ppc64le, s390x, riscv64."),
    os: z.optional(text("linux by default.")),
    variant: z.optional(text("v6 or v7 of arm, v8 of arm64.")),
    "os.version": z.optional(text("Of Windows: 10.0.17763.1234.")),
    "os.features": z.optional(z.array(text("Of Windows: win32k."))),
  })
  .check(z.describe("A platform in its parts."));
export const PlatformEntry = z.union([PlatformText, PlatformParts]);
export type PlatformEntry = z.infer<typeof PlatformEntry>;

const Platforms = (description: string) =>
  z.union([text("Platforms, separated by commas."), z.array(PlatformEntry)]).check(z.describe(description));

export const DescriptorEntry = z
  .strictObject({
    digest: text("sha256:…"),
    mediaType: z.optional(text("The one of the registry by default.")),
    size: z.optional(count(Number.MAX_SAFE_INTEGER, "In bytes.")),
    platform: z.optional(PlatformEntry),
    annotations: z.optional(Annotations),
    urls: z.optional(z.array(text("Where else it can be downloaded."))),
    data: z.optional(text("The content itself, in base64.")),
    artifactType: z.optional(text("The kind of artifact.")),
  })
  .check(z.describe("A descriptor: what it says overrides what the registry says."));
export type DescriptorEntry = z.infer<typeof DescriptorEntry>;

const SourceParts = z
  .strictObject({
    image: text("A reference, a digest in the list's own repository, or oci-layout://DIR[:TAG]."),
    platform: z.optional(PlatformEntry),
    annotations: z.optional(Annotations),
  })
  .check(z.describe("An image, and what the list says about it instead of what its registry says."));
const SourceFrom = z
  .strictObject({
    from: text("A folder of files named by digest, or what docker buildx wrote for --metadata-file."),
  })
  .check(z.describe("The images that builds have written down."));
const SourceFile = z
  .strictObject({ file: text("A file that contains a reference, a digest or a descriptor as JSON.") })
  .check(z.describe("A source that is read from a file, as with --file of imagetools create."));
const SourceDescriptor = z
  .strictObject({ descriptor: DescriptorEntry })
  .check(z.describe("A source by its descriptor."));

export const SourceEntry = z.union([
  text("A reference, a digest in the list's own repository, or oci-layout://DIR[:TAG]."),
  SourceParts,
  SourceFrom,
  SourceFile,
  SourceDescriptor,
]);
export type SourceEntry = z.infer<typeof SourceEntry>;

/** What a list may say, and `defaults` for all of them. */
const settings = {
  platforms: z.optional(
    Platforms(
      "With template: the platforms that there are images for. Otherwise: take only these from the sources.",
    ),
  ),
  annotations: z.optional(Annotations.check(z.describe("The list's own annotations."))),
  type: z.optional(
    choice(["auto", "docker", "oci"], "Docker's manifest list or an OCI index; auto chooses what fits."),
  ),
  expect: z.optional(
    Platforms(
      "Exactly these platforms, each once, or nothing is pushed. With template, its platforms by default.",
    ),
  ),
  strict: z.optional(flag("Fail instead of warning.")),
  attestations: z.optional(choice(["keep", "drop"], "What to do with the attestations of the sources.")),
  referrers: z.optional(flag("Also push everything that is attached to the images: signatures, SBOMs.")),
  subject: z.optional(text("What the list refers to: an image, or a digest in its own repository.")),
  artifactType: z.optional(text("The artifact type of the list: application/vnd.example.thing.")),
  existing: z.optional(
    choice(
      ["replace", "append", "merge"],
      "What to do with a list that is already there: replace it; append to it; merge, so that an image replaces the one for its platform.",
    ),
  ),
  preferIndex: z.optional(flag("Put a single image into a list of its own: true by default.")),
  verify: z.optional(
    choice(["true", "false", "manifests", "blobs"], "Read back what was pushed; true means manifests."),
  ),
  wait: z.optional(text("How long to wait for a registry that lags behind: 30s, 2m.")),
  retries: z.optional(count(100, "How often to retry temporary failures.")),
};

export const DefaultsEntry = z
  .strictObject(settings)
  .check(z.describe("What each list has unless it says otherwise."));
export type DefaultsEntry = z.infer<typeof DefaultsEntry>;

const list = {
  target: text("What the list is called: a reference or oci-layout://DIR[:TAG]."),
  tags: z.optional(
    z
      .array(text("A tag in the repository of target, or a whole reference elsewhere."))
      .check(z.describe("What else it is called.")),
  ),
  sources: z.optional(
    z
      .array(SourceEntry)
      .check(
        z.minLength(1, { error: "there are no sources: write at least one" }),
        z.describe("What it is made of."),
      ),
  ),
  template: z.optional(
    text("The name of the image of each of platforms: registry.example/app:v1-{os}-{arch}{variant}."),
  ),
  ...settings,
};

export const ListEntry = z.strictObject(list).check(z.describe("One list."));
export type ListEntry = z.infer<typeof ListEntry>;

export const ListsFile = z
  .strictObject({
    $schema: z.optional(text("Where this schema is, for editors.")),
    version: choice(["1"], "The version of this format: 1."),
    defaults: z.optional(DefaultsEntry),
    lists: z.array(ListEntry).check(z.describe("The lists that are made.")),
  })
  .check(
    z.describe(
      "Lists for tsmanifest apply. Keys that begin with x- are for anchors; they have no meaning of their own.",
    ),
  );

/** A list with parts and sources missing, since something is wrong with them. */
export const ListRest = z.partial(z.strictObject({ ...list, sources: z.array(z.optional(SourceEntry)) }));
export type ListRest = z.infer<typeof ListRest>;

/** The keys that a mapping of a list may have, by its path from there; nothing where they are anybody's. */
export function keysOfList(path: readonly PropertyKey[]): readonly string[] {
  const [last, before] = [path.at(-1), path.at(-2)];
  if (last === undefined) return Object.keys(ListEntry.shape);
  if (last === "platform" || before === "platforms" || before === "expect")
    return Object.keys(PlatformParts.shape);
  if (last === "descriptor") return Object.keys(DescriptorEntry.shape);
  if (before !== "sources") return [];
  return [SourceParts, SourceFrom, SourceFile, SourceDescriptor].flatMap(({ shape }) => Object.keys(shape));
}

/** The same of the file itself. */
export function keysOfFile(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(ListsFile.shape);
  return path.length === 1 ? Object.keys(DefaultsEntry.shape) : keysOfList(path);
}
