#!/bin/sh
# A genuine Elasticsearch or OpenSearch for the tests: one node on 127.0.0.1, without security, thrown away afterwards.
#
#   tests/server.sh start FLAVOUR VERSION [PORT]   prints "URL PID FOLDER"; without PORT a free one is taken
#   tests/server.sh kill FOLDER                    ends that server as a power cut would; its data stay
#   tests/server.sh again FOLDER                   starts it again, with its data and at its port; prints the same
#   tests/server.sh stop FOLDER                    ends that server and removes its folder
#   tests/server.sh list                           the versions that the tests know and for which a fitting Java is here
#
# FLAVOUR is `elasticsearch` or `opensearch`. The servers are Maven artifacts (the projects' own distributions for
# integration tests: the whole server, without a JDK) and are kept, zipped and unpacked, in $MAILTRAIL_TEST_CACHE, else
# in .cache/ of this repository. Java is looked for in $JAVA_HOME and /usr/lib/jvm. Needs mvn, unzip and curl.
set -eu

fail() { echo "tests/server.sh: $*" >&2; exit 1; }

repository=$(cd "$(dirname "$0")/.." && pwd)
cache=${MAILTRAIL_TEST_CACHE:-$repository/.cache}

# Which Java majors run it: "LOWEST HIGHEST". The old servers need the security manager, which Java 24 took away.
fitting_java() {
  case $1-$2 in
    opensearch-1.*|opensearch-2.*|elasticsearch-7.*) echo '11 23' ;;
    elasticsearch-8.*) echo '17 99' ;;
    opensearch-*|elasticsearch-*) echo '21 99' ;;
    *) fail "unknown flavour \`$1\`: elasticsearch or opensearch" ;;
  esac
}

# The home of the lowest Java between $1 and $2; empty if there is none.
find_java() {
  found=; found_major=1000
  for home in ${JAVA_HOME:+"$JAVA_HOME"} /usr/lib/jvm/*; do
    [ -x "$home/bin/java" ] || continue
    major=$("$home/bin/java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${major:-0}" -ge "$1" ] && [ "$major" -le "$2" ] && [ "$major" -lt "$found_major" ] || continue
    found=$home found_major=$major
  done
  echo "$found"
}

# Puts the unpacked server into the cache; a second caller at the same time does no harm.
fetch() {
  name=$1-$2
  [ ! -d "$cache/$name" ] || return 0
  for tool in mvn unzip; do command -v $tool > /dev/null || fail "$tool is needed to fetch $1 $2"; done
  mkdir -p "$cache"
  if [ ! -s "$cache/$name.zip" ]; then
    case $1 in elasticsearch) group=org.elasticsearch ;; *) group=org.opensearch ;; esac
    arriving=$(mktemp -d "$cache/arriving.XXXXXX")
    mvn -q -B dependency:copy -Dartifact="$group.distribution.integ-test-zip:$1:$2:zip" \
      -DoutputDirectory="$arriving" > "$arriving/mvn" 2>&1 ||
      { tail -n 20 "$arriving/mvn" >&2; rm -rf "$arriving"; fail "cannot fetch $1 $2 with mvn"; }
    mv "$arriving/$name.zip" "$cache/$name.zip"
    rm -rf "$arriving"
  fi
  unpacked=$(mktemp -d "$cache/unpacking.XXXXXX")
  unzip -q "$cache/$name.zip" -d "$unpacked" || { rm -rf "$unpacked"; fail "cannot unpack $cache/$name.zip"; }
  chmod -R a+rX "$unpacked"
  mv -T "$unpacked/$name" "$cache/$name" 2> /dev/null || [ -d "$cache/$name" ] || fail "cannot fill $cache/$name"
  rm -rf "$unpacked"
}

start() {
  flavour=$1 version=$2 port=${3:-0}
  range=$(fitting_java "$flavour" "$version")
  # shellcheck disable=SC2086 # two words on purpose
  java=$(find_java $range)
  [ -n "$java" ] || fail "$flavour $version needs a Java between ${range% *} and ${range#* } (JAVA_HOME or /usr/lib/jvm)"
  command -v curl > /dev/null || fail 'curl is needed to see when the server answers'
  fetch "$flavour" "$version"
  home=$cache/$flavour-$version
  run=$(mktemp -d "${TMPDIR:-/tmp}/mailtrail-server.XXXXXX")
  mkdir "$run/tmp" "$run/logs" "$run/data"
  cp -r "$home/config" "$run/config"
  sed -i "s#\([=:]\)logs/#\1$run/logs/#g; s#HeapDumpPath=data#HeapDumpPath=$run/tmp#" "$run/config/jvm.options"
  {
    printf '%s\n' 'discovery.type: single-node' 'network.host: 127.0.0.1' "http.port: $port" 'transport.port: 0' \
      "path.data: $run/data" "path.logs: $run/logs" 'node.portsfile: true' \
      'cluster.routing.allocation.disk.threshold_enabled: false'
    # 7.10 has no security module in this distribution and refuses its setting.
    case $flavour-$version in elasticsearch-7.1[0-6].*) ;; elasticsearch-*) echo 'xpack.security.enabled: false' ;; esac
  } >> "$run/config/$flavour.yml"

  # Neither server runs as root.
  drop=
  if [ "$(id -u)" = 0 ]; then
    drop='setpriv --reuid 65534 --regid 65534 --clear-groups'
    chown -R 65534:65534 "$run"
    if ! $drop test -x "$home/bin/$flavour"; then # the cache is where only root may look
      cp -r "$home" "$run/home"
      chown -R 65534:65534 "$run/home"
      home=$run/home
    fi
  fi
  printf '%s\n' "flavour=$flavour" "version=$version" "home='$home'" "java='$java'" > "$run/how"
  launch "$run"
}

# Starts the server of a folder.
launch() {
  run=$1
  . "$run/how"
  drop=
  [ "$(id -u)" != 0 ] || drop='setpriv --reuid 65534 --regid 65534 --clear-groups'
  rm -f "$run/logs/http.ports" "$run/pid"
  heap='-Xms512m -Xmx512m'
  # The output goes to a file: an inherited pipe would hang the caller. 7.10 knows JAVA_HOME alone.
  $drop env HOME="$run" JAVA_HOME="$java" OPENSEARCH_JAVA_HOME="$java" OPENSEARCH_PATH_CONF="$run/config" OPENSEARCH_TMPDIR="$run/tmp" \
    OPENSEARCH_JAVA_OPTS="$heap" ES_JAVA_HOME="$java" ES_PATH_CONF="$run/config" ES_TMPDIR="$run/tmp" ES_JAVA_OPTS="$heap" \
    "$home/bin/$flavour" -d -p "$run/pid" > "$run/out" 2>&1 < /dev/null ||
    { tail -n 20 "$run/out" >&2; remove "$run"; fail "$flavour $version did not start"; }

  # The file with the port comes late, and ES 8 and 9 of this distribution do not answer `GET /`.
  tries=0
  while [ $tries -lt 600 ]; do
    address=$(grep -s -h '^127\.' "$run/logs/http.ports" | head -n 1 || true)
    if [ -n "$address" ] && [ -s "$run/pid" ] && curl -fs -o "$run/health" "http://$address/_cluster/health?wait_for_status=yellow&timeout=5s"; then
      echo "http://$address $(cat "$run/pid") $run"
      return 0
    fi
    if [ -s "$run/pid" ] && ! kill -0 "$(cat "$run/pid")" 2> /dev/null; then break; fi
    tries=$((tries + 1))
    sleep 0.2
  done
  tail -n 20 "$run/out" "$run"/logs/*.log >&2 || true
  stop "$run"
  fail "$flavour $version did not answer"
}

# Removes a folder that `start` made, and no other.
remove() {
  case $1 in */mailtrail-server.*) rm -rf "$1" ;; *) fail "$1 is no folder of this script" ;; esac
}

stop() {
  run=$1
  case $run in */mailtrail-server.*) [ -d "$run" ] || fail "there is no $run" ;; *) fail "$run is no folder of this script" ;; esac
  pid=$(cat "$run/pid" 2> /dev/null || true)
  if ours; then
    kill "$pid" 2> /dev/null || true
    tries=0
    while ours && [ $tries -lt 150 ]; do tries=$((tries + 1)); sleep 0.2; done
    ! ours || kill -9 "$pid" 2> /dev/null || true
  fi
  remove "$run"
}

# Only the server that was started in this folder, not a stranger who got its number.
ours() { [ -n "$pid" ] && tr '\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null | grep -qF "$run"; }

cut_off() {
  run=$1
  [ -s "$run/how" ] || fail "$run is no folder of this script"
  pid=$(cat "$run/pid")
  # At the port that clients know.
  port=$(sed -n 's/^127\..*:\([0-9]*\)$/\1/p' "$run/logs/http.ports" | head -n 1)
  sed -i "s/^http.port: .*/http.port: $port/" "$run"/config/opensearch.yml "$run"/config/elasticsearch.yml 2> /dev/null || true
  ! ours || kill -9 "$pid"
  while ours; do sleep 0.05; done
}

list() {
  for known in 'opensearch 2.19.4' 'opensearch 3.7.0' 'elasticsearch 9.5.3' 'elasticsearch 7.17.28'; do
    # shellcheck disable=SC2046,SC2086
    [ -z "$(find_java $(fitting_java $known))" ] || echo "$known"
  done
}

case ${1:-} in
  start) [ $# -ge 3 ] || fail 'start FLAVOUR VERSION [PORT]'; shift; start "$@" ;;
  kill) [ $# -eq 2 ] || fail 'kill FOLDER'; cut_off "$2" ;;
  again) [ $# -eq 2 ] && [ -s "$2/how" ] || fail 'again FOLDER'; launch "$2" ;;
  stop) [ $# -eq 2 ] || fail 'stop FOLDER'; stop "$2" ;;
  list) list ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
