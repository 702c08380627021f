#!/bin/sh
# Installs the peers that the tests are held against and that `npm run bench` compares with, as far as this machine can
# get them: install-peers.sh [name...]. Docker's CLI comes from https://docs.docker.com/engine/install/; its engine is
# not needed.
set -u

# wanted NAME [WANTED...]: is the name among the wanted, or is nothing named?
wanted() {
  name=$1
  shift
  [ "$#" -eq 0 ] && return 0
  for one in "$@"; do [ "$one" = "$name" ] && return 0; done
  return 1
}

if [ "$#" -eq 0 ] && command -v apt-get >/dev/null; then
  [ "$(id -u)" -eq 0 ] && sudo="" || sudo="sudo"
  $sudo apt-get install -y --no-install-recommends docker-registry buildah podman skopeo openssl time
fi

# Into $(go env GOPATH)/bin, where tests and benchmark look besides PATH.
folder=$(go env GOPATH)/bin
failed=0
while read -r name module; do
  wanted "$name" "$@" || continue
  [ -x "$folder/$name" ] && continue
  go install "$module" || { echo "not installed: $module" >&2; failed=1; }
done <<MODULES
crane github.com/google/go-containerregistry/cmd/crane@v0.22.1
regctl github.com/regclient/regclient/cmd/regctl@v0.11.7
oras oras.land/oras/cmd/oras@v1.3.6
registry github.com/distribution/distribution/v3/cmd/registry@v3.1.2
buildx github.com/docker/buildx/cmd/buildx@v0.38.2
actionlint github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
manifest-tool github.com/estesp/manifest-tool/v2/cmd/manifest-tool@latest
MODULES
exit "$failed"
