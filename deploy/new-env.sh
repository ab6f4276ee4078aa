#!/bin/sh
# Make .env (or the file named) from .env.example, readable by its owner only, with a fresh random secret for every empty value:
# 24 bytes as hex, after a letter. A file that is there already is never touched.
set -eu
cd "$(dirname "$0")/.."
file=${1:-.env}
umask 077
set -C # `>` makes a new file, and fails if there is one
if ! (: > "$file") 2>/dev/null; then
  echo "$file is there already, or cannot be made; nothing was changed" >&2
  exit 2
fi
set +C
while IFS= read -r line; do
  case "$line" in
    \#*) printf '%s\n' "$line" ;;
    *=) printf '%sp%s\n' "$line" "$(od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n')" ;;
    *) printf '%s\n' "$line" ;;
  esac
done < .env.example > "$file"
