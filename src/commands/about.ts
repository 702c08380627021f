/** What the program is for, in a paragraph. */
export const ABOUT = `Make one name stand for the same image on several platforms: \
collect the images in a local manifest list, say what platform each is for, push the list; \
or do all of it at once by imagetools create. \
Lists are kept where docker manifest keeps them, so that both can work on the same list.`;

export const EXAMPLES: readonly string[] = [
  "tsmanifest create registry.example/app:1 registry.example/app:1-amd64 registry.example/app:1-arm64",
  "tsmanifest annotate registry.example/app:1 registry.example/app:1-arm64 --arch arm64 --variant v8",
  "tsmanifest push --purge registry.example/app:1",
  "tsmanifest inspect registry.example/app:1",
  "tsmanifest imagetools create -t registry.example/app:1 registry.example/app:1-amd64 registry.example/app:1-arm64",
];
