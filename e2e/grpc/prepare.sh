#!/bin/sh
# Puts Python's grpcio, whose HTTP/2 and HPACK are C++ of its own, into the user's cache; does nothing when it is there.
# Prints where the Python is. Wants python3 with venv (Debian: python3-venv), and pip's index the first time.
set -eu
version=1.85.1
home=${XDG_CACHE_HOME:-$HOME/.cache}/selvedge-tests
place=$home/grpcio-$version

if [ ! -x "$place/bin/python" ]; then
  # Made aside and moved, so that two runs at once don't meet half of it.
  mkdir -p "$home"
  making=$(mktemp -d "$home/making.XXXXXX")
  trap 'rm -rf "$making"' EXIT
  python3 -m venv "$making" >&2
  "$making/bin/python" -m pip install --quiet --disable-pip-version-check "grpcio==$version" >&2
  mv -T "$making" "$place" 2>/dev/null || [ -x "$place/bin/python" ]
fi
echo "$place/bin/python"
