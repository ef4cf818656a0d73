#!/bin/sh
# Builds mailtrail, indexes examples/mail.log into a fresh folder and tells the story of one of its messages.
# Installs a C compiler if there is none (Debian and Ubuntu, as root); Rust itself is asked for.
set -eu
cd "$(dirname "$0")/.."

if ! command -v cargo > /dev/null; then
  echo "mailtrail is built with Rust 1.89 or newer: install it with rustup, then run this again" >&2
  exit 2
fi
if ! command -v cc > /dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    apt-get update -q && apt-get install -qy --no-install-recommends gcc libc6-dev
  else
    echo "mailtrail needs a C compiler to build its compression library: install gcc, then run this again" >&2
    exit 2
  fi
fi

cargo build --release --quiet
mailtrail=${CARGO_TARGET_DIR:-target}/release/mailtrail
MAILTRAIL_DATA=$(mktemp -d)
export MAILTRAIL_DATA
trap 'rm -rf "$MAILTRAIL_DATA"' EXIT

"$mailtrail" index examples/mail.log
echo
"$mailtrail" search 'status:expired'
echo
"$mailtrail" trace "${1:-757F89D60C0}"
