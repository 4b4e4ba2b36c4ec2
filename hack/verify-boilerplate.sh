#!/usr/bin/env bash
# Checks that every Go file begins with the licence header, apart from build constraints.
#
# usage: hack/verify-boilerplate.sh [--fix]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

echo "Checking that every Go file names its licence"
header=$(<hack/boilerplate.go.txt)
lines=$(wc -l <hack/boilerplate.go.txt)
failed=0
while read -r file; do
  [[ -f $file ]] || continue
  # Generated files start with a build constraint and an empty line.
  head=$(awk -v lines="$lines" '/^\/\/go:build/ { next } NF || n { print; if (++n == lines) exit }' "$file")
  if [[ $head != "$header" ]]; then
    if [[ ${1:-} == --fix ]]; then
      { cat hack/boilerplate.go.txt; echo; cat "$file"; } >"$file.new"
      mv "$file.new" "$file"
      echo "$file: header added"
      continue
    fi
    echo "$file: does not begin with hack/boilerplate.go.txt (hack/verify-boilerplate.sh --fix adds it)" >&2
    failed=1
  fi
done < <(git ls-files --cached --others --exclude-standard -- '*.go')
exit $failed
