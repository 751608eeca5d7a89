#!/bin/sh
# Puts h2spec 2.6.0 into the user's cache, built from the Go module proxy; does nothing when it is there. Prints where it is.
# Wants Go 1.19 or later (Debian: golang-go), and the proxy the first time. About 15 seconds.
set -eu
# The commit that the tag v2.6.0 is of: Go takes no tag of that major version from a module that doesn't say /v2.
version=v0.0.0-20200804131034-70ac22940108
home=${XDG_CACHE_HOME:-$HOME/.cache}/selvedge-tests
place=$home/h2spec-$version

if [ ! -x "$place/h2spec" ]; then
  PATH=$PATH:/usr/local/go/bin:/usr/lib/go/bin
  command -v go >/dev/null || {
    echo 'Cannot build h2spec: go is not installed. Install it: apt-get install golang-go' >&2
    exit 1
  }
  # Made aside and moved, so that two runs at once don't meet half of it.
  mkdir -p "$home"
  making=$(mktemp -d "$home/making.XXXXXX")
  trap 'rm -rf "$making"' EXIT
  GOBIN=$making CGO_ENABLED=0 go install "github.com/summerwind/h2spec/cmd/h2spec@$version" >&2
  mv -T "$making" "$place" 2>/dev/null || [ -x "$place/h2spec" ]
fi
echo "$place/h2spec"
