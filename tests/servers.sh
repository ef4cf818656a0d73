#!/usr/bin/env bash
# Runs the tests that need a server against every known version, one after the other, and prints a table of what was seen.
#
#   tests/servers.sh [VERSION...]
#
# A version for which no fitting Java is here, or which cannot be fetched, is a line of the table, not a failure.
# Exit code 1 if a test failed. The servers are those of tests/server.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
known=('opensearch 2.19.4' 'opensearch 3.4.0' 'opensearch 3.5.0' 'opensearch 3.7.0'
  'elasticsearch 7.10.2' 'elasticsearch 7.17.28' 'elasticsearch 8.19.8' 'elasticsearch 9.5.3')
export CI=true CARGO_TERM_COLOR=never
folder= failed=0 log=$(mktemp -d)
stop() { [ -z "$folder" ] || tests/server.sh stop "$folder"; folder=; }
trap 'stop; rm -rf "$log"' EXIT
table='| server | seen |\n|---|---|\n'
for server in "${known[@]}"; do
  read -r flavour version <<< "$server"
  [ $# -eq 0 ] || [[ " $* " == *" $version "* ]] || continue
  if tests/server.sh start "$flavour" "$version" > "$log/start" 2> "$log/error"; then
    read -r url _ folder < "$log/start"
    if MAILTRAIL_TEST_SERVER=$url cargo test --quiet --test all -- elasticsearch:: message_index:: > "$log/tests" 2>&1; then
      seen=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1 tests passed/p' "$log/tests")
    else
      failed=1
      seen="failed: $(sed -n 's/^    \(elasticsearch::[a-z_:0-9]*\|message_index::[a-z_:0-9]*\)$/\1/p' "$log/tests" | sort -u | tr '\n' ' ')"
      tail -n 60 "$log/tests" >&2
    fi
    stop
  else
    seen="not run: $(tail -n 1 "$log/error" | sed 's/.*: //')"
  fi
  echo "$flavour $version: $seen" >&2
  table+="| $flavour $version | $seen |\\n"
done
printf '%b' "$table"
exit $failed
