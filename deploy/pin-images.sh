#!/bin/sh
# Print a line for .env for each image that is not built here, with the digest that its tag names now: what is pulled and built later
# is those bytes, whoever moves the tag. Needs docker, and a registry that answers. Look at what changed before you pin anew.
set -eu
cd "$(dirname "$0")/.."
for name in nats postgres python; do
  # As written in the compose file and in the Dockerfile, up to where the digest goes.
  image=$(sed -n "s/^.*[ \"]\($name:[a-z0-9.-]*\)\${[A-Z]*_IMAGE_DIGEST.*$/\1/p" docker-compose.yml Dockerfile | head -n 1)
  digest=$(docker buildx imagetools inspect "$image" --format '{{.Manifest.Digest}}')
  case "$digest" in
    sha256:????????????????????????????????????????????????????????????????) ;;
    *) echo "no digest of $image: $digest" >&2; exit 1 ;;
  esac
  printf '%s_IMAGE_DIGEST=@%s\n' "$(printf %s "$name" | tr a-z A-Z)" "$digest"
done
