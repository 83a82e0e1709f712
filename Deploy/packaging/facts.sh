# Sourced by the scripts that build packages: what goes into them, and when it was.
# shellcheck shell=bash

# The version of the sources.
source_version() {
    sed -n 's/.*static let current = "\(.*\)".*/\1/p' Sources/Curfew/Base/CurfewVersion.swift
}

# The commit of the sources, with “-modified” if they differ from it; empty outside of a clone.
commit_name() {
    local commit
    commit=$(git rev-parse --short=12 HEAD 2>/dev/null) || return 0
    [ -z "$(git status --porcelain --untracked-files=no)" ] || commit+=-modified
    printf '%s\n' "$commit"
}

# Sets SOURCE_DATE_EPOCH, the time of every file in a package, to that of the commit: the same sources give the same
# package, byte for byte.
set_source_date() {
    [ -z "${SOURCE_DATE_EPOCH:-}" ] || return 0
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null) ||
        give_up "the time of the sources isn't known: outside of a clone, set SOURCE_DATE_EPOCH to seconds since 1970"
    export SOURCE_DATE_EPOCH
}
