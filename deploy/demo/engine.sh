# Finds a Docker Engine and compose, and starts an engine of the stack's own where none runs (a
# container or a CI machine without systemd). Sourced by `up` and `down`, after settings.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154  # settings.sh sets them

# An engine of our own keeps its images here between runs: a folder for each that runs at once.
engine_roots=/var/lib/acgs-demo

# The engine that is asked for, else the one at hand, else the one this stack has started before.
find_engine() {
    command -v docker >/dev/null || fail "docker is missing: install it (Debian: docker.io)"
    if [ -n "${ACGS_DEMO_DOCKER_HOST:-}" ]; then
        export DOCKER_HOST="$ACGS_DEMO_DOCKER_HOST"
        docker info >/dev/null 2>&1 || fail "no Docker Engine answers at ACGS_DEMO_DOCKER_HOST=$DOCKER_HOST"
        return 0
    fi
    if [ -f "$state/engine" ]; then
        DOCKER_HOST="unix://$(cat "$state/engine")/docker.sock"
        export DOCKER_HOST
    fi
    docker info >/dev/null 2>&1
}

# The address in words that every client of the Engine API takes.
engine_address() {
    printf '%s\n' "${DOCKER_HOST:-$(docker context inspect --format '{{.Endpoints.docker.Host}}')}"
}

# Only loopback publishing through docker-proxy: without firewall rules of their own, engines of
# several runs and one of the host do not undo each other's.
start_engine() {
    local folder root slot pool
    command -v dockerd >/dev/null || [ -x /usr/sbin/dockerd ] ||
        fail "no Docker Engine answers and dockerd is missing: install it (Debian: docker.io)"
    # Short, because the path of a socket has at most 107 bytes.
    folder="$(mktemp -d /tmp/acgs-engine.XXXXXX)"
    # Before it runs, so that `down` ends it even when this script is cut off now.
    printf '%s\n' "$folder" >"$state/engine"
    for slot in 0 1 2 3 4 5 6 7; do
        root="$engine_roots/engine-$slot"
        pool="10.$((200 + slot)).0.0/16"
        as_root mkdir -p "$root"
        # In a session of its own, so that Ctrl-C reaches this script alone; without the stack's lock,
        # but with one on its folder: an engine that finds its folder taken leaves at once.
        as_root setsid flock --nonblock --close "$root.lock" \
            env PATH="$PATH:/usr/sbin:/sbin" dockerd \
            --host "unix://$folder/docker.sock" --group "$(id -gn)" \
            --data-root "$root" --exec-root "$folder/exec" --pidfile "$folder/docker.pid" \
            --bridge none --iptables=false --ip6tables=false \
            --default-address-pool "base=$pool,size=24" \
            >"$state/engine.log" 2>&1 </dev/null 9>&- &
        export DOCKER_HOST="unix://$folder/docker.sock"
        if engine_answers $!; then
            # Nobody else's: the folder was free. A stack that was killed would start again with its engine.
            docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
            docker network prune --force >/dev/null
            printf '%s\n' "$pool" >"$state/engine.pool"
            let_containers_talk "$pool"
            return 0
        fi
    done
    tail -n 5 "$state/engine.log" >&2
    fail "dockerd does not start; its last lines are above, all of them in $state/engine.log"
}

firewall() {
    as_root env PATH="$PATH:/usr/sbin:/sbin" iptables "$1" FORWARD --source "$2" --destination "$2" \
        --match comment --comment acgs-demo --jump ACCEPT 2>/dev/null
}

# An engine of the host drops what is forwarded and is not its own; on a bridge that may be ours.
# Where there is no firewall, nothing is dropped.
let_containers_talk() {
    firewall --check "$1" || firewall --insert "$1" || true
}

# Whether it answers within 20 s; false at once when its process has ended.
engine_answers() {
    local process=$1 turn
    for turn in $(seq 200); do
        if docker info >/dev/null 2>&1; then return 0; fi
        [ -d "/proc/$process" ] || return 1
        sleep 0.1
    done
    return 1
}

# Ends the engine that this stack started; its images stay for the next one.
stop_engine() {
    local process folder turn
    [ -f "$state/engine" ] || return 0
    folder="$(cat "$state/engine")"
    process="$(as_root cat "$folder/docker.pid" 2>/dev/null || true)"
    # After a crash of the host the number may be another program's.
    if [ -n "$process" ] && [ "$(cat "/proc/$process/comm" 2>/dev/null)" = dockerd ]; then
        as_root kill "$process"
        for turn in $(seq 150); do
            [ -d "/proc/$process" ] || break
            [ "$turn" -lt 150 ] || fail "dockerd (process $process) does not end"
            sleep 0.1
        done
    fi
    [ ! -f "$state/engine.pool" ] || firewall --delete "$(cat "$state/engine.pool")" || true
    as_root rm -rf "$folder"
    rm -f "$state/engine" "$state/engine.pool" "$state/engine.log"
}

# Compose v2 where there is one, else v1. Variables come from the stack's file alone: the shell's
# would silently win over it.
compose() {
    local program=(docker-compose)
    if docker compose version >/dev/null 2>&1; then
        program=(docker compose)
    elif ! command -v docker-compose >/dev/null; then
        fail "compose is missing: install it (Debian: docker-compose)"
    fi
    env -i PATH="$PATH" HOME="$HOME" ${DOCKER_HOST:+DOCKER_HOST="$DOCKER_HOST"} "${program[@]}" \
        --project-directory "$demo_dir" --file "$demo_dir/compose.yaml" \
        --env-file "$state/.env" --project-name "$project" "$@"
}

# Names of this stack's containers with their state, running or not.
containers() {
    docker ps --all --filter "label=com.docker.compose.project=$project" --format '{{.Names}} {{.Status}}'
}
