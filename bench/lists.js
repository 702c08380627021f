// Many lists, as a release of many projects has them: twenty repositories, in each a version for every list, every list
// with images of its own.
import { buildImage, digestOf, MANIFEST } from "./images.js";

/** @typedef {import("./registries.js").Sizes} Sizes */

/**
 * @typedef {object} Lists
 * @property {number} count
 * @property {"elsewhere" | "beside"} images `elsewhere`: in a build repository of each project, so that blobs must be
 *   mounted or copied; `beside`: in the repository of the list already
 */

/** @typedef {{ target: string, sources: readonly string[] }} List */

const REPOSITORIES = 20;

/**
 * `team/app7:v0.3`, and `-0` and so on for the images.
 * @param {string} prefix
 * @param {number} index of the list
 */
function nameOf(prefix, index) {
  return {
    repository: `${prefix}/app${index % REPOSITORIES}`,
    tag: `v0.${Math.floor(index / REPOSITORIES)}`,
  };
}

/**
 * @param {string} host
 * @param {{ count: number, children: number, target: string, source: string }} options `target` and `source` are what
 *   the names of the repositories begin with
 * @returns {List[]}
 */
export function listsOf(host, { count, children, target, source }) {
  return Array.from({ length: count }, (_, index) => {
    const list = nameOf(target, index);
    const images = nameOf(source, index);
    return {
      target: `${host}/${list.repository}:${list.tag}`,
      sources: Array.from(
        { length: children },
        (_, child) => `${host}/${images.repository}:${images.tag}-${child}`,
      ),
    };
  });
}

/**
 * Puts the images that `listsOf` names. No two share a blob, so that nobody gains by what another list has brought along.
 * @param {import("./images.js").Store} store
 * @param {{ count: number, size: Sizes, source: string }} options
 */
export async function putImagesOfLists(store, { count, size, source }) {
  for (let index = 0; index < count; index++) {
    const { repository, tag } = nameOf(source, index);
    for (let child = 0; child < size.children; child++) {
      const { blobs, manifest } = imageOf(index, child, size);
      await Promise.all(blobs.map((blob) => store.putBlob(repository, blob)));
      await store.putManifest(repository, MANIFEST, manifest, `${tag}-${child}`);
    }
  }
}

/**
 * @param {number} index
 * @param {number} child
 * @param {Sizes} size
 */
function imageOf(index, child, size) {
  return buildImage(`list${index}-${child}`, child, size.blobs);
}

/**
 * Asks the registry whether each list is there under its tag and names its own images, in any order, and whether those
 * are there.
 * @param {string} url of the registry
 * @param {readonly List[]} lists in the order of `listsOf`
 * @param {Sizes} size
 * @throws an Error that says what is missing
 */
export async function checkLists(url, lists, size) {
  for (const [index, { target }] of lists.entries()) {
    const [, repository = "", tag = ""] = /^[^/]+\/(.+):(.+)$/.exec(target) ?? [];
    const manifests = `${url}/v2/${repository}/manifests`;
    const wanted = Array.from({ length: size.children }, (_, child) =>
      digestOf(imageOf(index, child, size).manifest),
    );
    /** @type {unknown} */
    const list = await (await get("GET", `${manifests}/${tag}`)).json();
    const found = childrenOf(list);
    if (found.toSorted().join() !== wanted.toSorted().join()) {
      throw new Error(`${target} names ${found.join(", ")}, not ${wanted.join(", ")}`);
    }
    await Promise.all(found.map((digest) => get("HEAD", `${manifests}/${digest}`)));
  }
}

/** @param {unknown} list */
function childrenOf(list) {
  const { manifests = [] } = /** @type {{ manifests?: { digest: string }[] }} */ (list);
  return manifests.map(({ digest }) => digest);
}

/**
 * @param {string} method
 * @param {string} url
 */
async function get(method, url) {
  const accept = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    MANIFEST,
  ];
  const response = await fetch(url, { method, headers: { accept: accept.join(", ") } });
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}`);
  return response;
}
