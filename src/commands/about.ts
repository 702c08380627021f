/** What the program is for, in a paragraph. */
export const ABOUT = `Make one name stand for the same image on several platforms: \
collect the images in a local manifest list, say what platform each is for, push the list; \
or do all of it at once by imagetools create. \
Lists are kept where docker manifest keeps them, so that both can work on the same list.`;

export const EXAMPLES: readonly string[] = [
  "tsmanifest create example.com/app:1 example.com/app:1-amd64 example.com/app:1-arm64",
  "tsmanifest annotate example.com/app:1 example.com/app:1-arm64 --arch arm64 --variant v8",
  "tsmanifest push --purge example.com/app:1",
  "tsmanifest inspect example.com/app:1",
  "tsmanifest imagetools create -t example.com/app:1 example.com/app:1-amd64 example.com/app:1-arm64",
];
