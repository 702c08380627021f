#!/bin/sh
# Installs the peers that `npm run bench` compares with, as far as this machine can get them. Docker's CLI comes from
# https://docs.docker.com/engine/install/; its engine is not needed.
set -u

if command -v apt-get >/dev/null; then
  [ "$(id -u)" -eq 0 ] && sudo="" || sudo="sudo"
  $sudo apt-get install -y --no-install-recommends docker-registry buildah podman skopeo openssl time
fi

# Into $(go env GOPATH)/bin, where the benchmark looks besides PATH.
for module in \
  github.com/google/go-containerregistry/cmd/crane@latest \
  github.com/regclient/regclient/cmd/regctl@latest \
  oras.land/oras/cmd/oras@latest \
  github.com/docker/buildx/cmd/buildx@latest \
  github.com/estesp/manifest-tool/v2/cmd/manifest-tool@latest; do
  go install "$module" || echo "not installed: $module" >&2
done
