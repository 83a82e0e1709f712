# Sourced by the benchmarks: installs what they need, and makes a release build unless --skip-build or --help is given.
# A benchmark that needs more first sets `packages` (programs named like their package) and `products` (to build).
# shellcheck shell=bash
# shellcheck source=Deploy/setup.sh
source Deploy/setup.sh

builds=true
for argument; do
    case $argument in
        --skip-build | --help | -h) builds=false ;;
    esac
done

if $builds; then require_build; else require redis-server command -v redis-server; fi
require python3 command -v python3
for package in "${packages[@]-}"; do
    [ -z "$package" ] || require "$package" command -v "$package"
done
require python3-venv python3 -c 'import ensurepip'
install_missing

python=.build/bench/bin/python
if ! "$python" -c 'import hiredis, redis' 2>/dev/null; then
    say "Preparing Python (seconds)"
    install_python .build/bench Bench/requirements.txt
fi

if $builds; then
    say "Building (a first release build takes about 8 minutes on two cores)"
    for product in "${products[@]-curfew}"; do "$SWIFT" build --configuration release --product "$product" >&2; done
fi
