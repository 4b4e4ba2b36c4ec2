#!/usr/bin/env bash
# Checks that every Go file begins with the licence header, apart from build constraints.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

echo "Checking that every Go file names its licence"
header=$(<hack/boilerplate.go.txt)
failed=0
while read -r file; do
  [[ -f $file ]] || continue
  # Generated files start with a build constraint and an empty line.
  head=$(sed '/^\/\/go:build/d' "$file" | sed '/./,$!d' | head -n "$(wc -l <<<"$header")")
  if [[ $head != "$header" ]]; then
    echo "$file: does not begin with hack/boilerplate.go.txt" >&2
    failed=1
  fi
done < <(git ls-files --cached --others --exclude-standard -- '*.go')
exit $failed
