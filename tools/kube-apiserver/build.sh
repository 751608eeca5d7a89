#!/usr/bin/env bash
# Builds kube-apiserver and kubectl from the Go module proxy, with Go 1.25 or later, into the user's cache; does nothing when they are there.
# It takes two to seven minutes on two cores, and 4 GB of Go's own caches. Prints the folder in which they are.
set -euo pipefail
cd "$(dirname "$0")"
version=$(sed -n 's#^\tk8s.io/kubernetes v\([0-9.]*\).*#\1#p' go.mod)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/selvedge/kubernetes-$version

for program in go etcd; do
  if ! command -v "$program" >/dev/null; then
    echo "Cannot prepare an API server: $program is not there. Install it (etcd is Debian's etcd-server)." >&2
    exit 1
  fi
done

mkdir -p "$folder"
for program in kube-apiserver kubectl; do
  if [[ -x $folder/$program ]]; then continue; fi
  echo "building $program $version; this takes minutes" >&2
  # Their own build writes the version in, without which they call themselves v0.0.0.
  flags="-s -w"
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=v$version -X $package.gitMajor=${version%%.*} -X $package.gitMinor=$(cut -d. -f2 <<<"$version")"
  done
  CGO_ENABLED=0 nice go build -trimpath -ldflags "$flags" -o "$folder/$program.new" "k8s.io/kubernetes/cmd/$program"
  mv "$folder/$program.new" "$folder/$program"
done
echo "$folder"
