# Names, ports and folders of a demo stack: every one a variable, with the runbook's values as
# defaults, so that several stacks run side by side. Sourced by `up` and `down`.
# shellcheck shell=bash

demo_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
repository="$(cd "$demo_dir/../.." && pwd)"

# In the order of their ports, which count from ACGS_DEMO_PORT_BASE.
services=(auth_service ac_service integrity_service fv_service gs_service pgc_service)

# `docker` is what compose calls the project of the runbook's folder, infrastructure/docker.
project="${ACGS_DEMO_PROJECT:-docker}"
default_prefix="${project}_"
[ "$project" != docker ] || default_prefix=acgs_
prefix="${ACGS_DEMO_PREFIX:-$default_prefix}"
port_base="${ACGS_DEMO_PORT_BASE:-8000}"
postgres_port="${ACGS_DEMO_POSTGRES_PORT:-5432}"
prometheus_port="${ACGS_DEMO_PROMETHEUS_PORT:-9090}"
alertmanager_port="${ACGS_DEMO_ALERTMANAGER_PORT:-9093}"

# What belongs to this stack (secrets, addresses), and what is kept for all of them (roots of images).
state="${ACGS_DEMO_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/acgs-demo/$project}"
cache="${ACGS_DEMO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/acgs-demo}"

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# One line to a phase, with the seconds since the start of the script.
phase() {
    printf '%4ds  %s\n' "$SECONDS" "$*"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        command -v sudo >/dev/null || fail "this needs root: $*; install sudo, or run it as root"
        sudo "$@"
    fi
}

[[ "$project" =~ ^[a-z0-9][a-z0-9_-]*$ ]] ||
    fail "ACGS_DEMO_PROJECT is '$project': use a-z, 0-9, '_' and '-', and start with a letter or a digit"
for port in "$port_base" "$postgres_port" "$prometheus_port" "$alertmanager_port"; do
    [[ "$port" =~ ^[0-9]{2,5}$ ]] || fail "'$port' is not a port"
done
