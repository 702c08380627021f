import { referrersTag } from "../content/referrer.js";
import type { Interruptible } from "../content/repository.js";
import { hasCode, ManifestError } from "../errors.js";
import type { Descriptor } from "../oci/descriptor.js";
import { parseIndex, type Manifest } from "../oci/manifest.js";
import { baseType, OCI_INDEX } from "../oci/mediaTypes.js";
import { getManifest, getReferrers } from "./api.js";
import { header, type HttpResponse } from "./http/message.js";
import { ensureStatus, RegistryError } from "./http/registryError.js";
import { nameOf, type RepositoryClient } from "./http/repositoryClient.js";

/** Far more than needed: with 4 MiB a page it is a lot of referrers. */
const MAX_PAGES = 100;

/**
 * The manifests that refer to one, page by page; from the tag that stands in for the API where a registry does not have
 * it.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#unavailable-referrers-api
 */
export async function* referrersOf(
  client: RepositoryClient,
  digest: string,
  artifactType: string | undefined,
  options: Interruptible,
): AsyncGenerator<Descriptor, void, undefined> {
  // A registry may know the parameter or not.
  const isWanted = (one: Descriptor): boolean =>
    artifactType === undefined || one.artifactType === artifactType;
  const first = client.url(`referrers/${digest}`);
  if (artifactType !== undefined) first.searchParams.set("artifactType", artifactType);
  let url: URL | undefined = first;
  for (let page = 1; url !== undefined; page++) {
    if (page > MAX_PAGES)
      throw new ManifestError("LIMIT", `more than ${MAX_PAGES} pages of referrers of ${digest}`);
    const response = await getReferrers(client, url, options);
    const index = indexOf(response, page === 1);
    const { children } = index ?? (await listedByTag(client, digest, options));
    yield* children.filter(isWanted);
    url = index && nextPage(response);
  }
}

/** Undefined: the registry does not have this API, or somebody answers for it with a page for people. */
function indexOf(response: HttpResponse, mayBeUnknown: boolean): Manifest | undefined {
  const isIndex = baseType(header(response, "content-type") ?? "") === OCI_INDEX;
  const isUnknown = response.status === 404 || (response.status === 200 && !isIndex);
  if (isUnknown && mayBeUnknown) return undefined;
  return parseIndex(OCI_INDEX, ensureStatus("GET", 200)(response).body);
}

/** What is under the tag and is no index has nothing to say of referrers. */
async function listedByTag(
  client: RepositoryClient,
  digest: string,
  options: Interruptible,
): Promise<Pick<Manifest, "children">> {
  const none = { children: [] };
  try {
    return (await getReferrersIndex(client, digest, options)) ?? none;
  } catch (error) {
    if (hasCode(error, "INVALID_MANIFEST", "INVALID_JSON")) return none;
    throw error;
  }
}

/**
 * The index in which clients keep what refers to a manifest, where a registry does not have the API; undefined where there
 * is none.
 * @throws INVALID_MANIFEST or INVALID_JSON if something else has its tag
 */
export async function getReferrersIndex(
  client: RepositoryClient,
  digest: string,
  options: Interruptible,
): Promise<Manifest | undefined> {
  const tag = referrersTag(digest);
  let response: HttpResponse;
  try {
    response = await getManifest(client, tag, options);
  } catch (error) {
    if (error instanceof RegistryError && error.status === 404) return undefined;
    throw error;
  }
  const mediaType = baseType(header(response, "content-type") ?? "");
  if (mediaType === OCI_INDEX) return parseIndex(OCI_INDEX, response.body);
  const name = nameOf(client, tag);
  throw new ManifestError("INVALID_MANIFEST", `${name} should be the index of what refers to ${digest}`, {
    subject: name,
    hint: `it is of type ${JSON.stringify(mediaType)}: give that another tag`,
  });
}

/** https://www.rfc-editor.org/rfc/rfc8288#section-3 */
function nextPage(response: HttpResponse): URL | undefined {
  const link = /<([^>]*)>[^,]*;\s*rel="?next"?/i.exec(header(response, "link") ?? "")?.[1];
  if (link === undefined || !URL.canParse(link, response.url.href)) return undefined;
  const url = new URL(link, response.url.href);
  // Nobody but the registry has its next page. Whatever scheme it thinks it has, the one that it is reached by is used.
  if (url.hostname !== response.url.hostname) {
    throw new ManifestError(
      "INVALID_ANSWER",
      `${response.url.host} sends its clients on to ${url.host} for referrers`,
    );
  }
  url.protocol = response.url.protocol;
  url.port = response.url.port;
  return url;
}
