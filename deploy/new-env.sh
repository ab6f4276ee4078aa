#!/bin/sh
# Print .env.example with a fresh random secret for every empty value: 24 bytes as hex, after a letter.
set -eu
cd "$(dirname "$0")/.."
while IFS= read -r line; do
  case "$line" in
    \#*) printf '%s\n' "$line" ;;
    *=) printf '%sp%s\n' "$line" "$(od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n')" ;;
    *) printf '%s\n' "$line" ;;
  esac
done < .env.example
