# Makes the stack's images without a registry and without building as root: Debian packages are
# unpacked side by side into a root, the root becomes a tar file, and that is imported. The services'
# image is one static program. A tag carries a hash of all that went in, so a stale image is not
# found and is made again. Sourced by `up`, after settings.sh and engine.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154  # settings.sh sets them

# What no process of these images reads; most of a package is that.
unneeded=(
    './usr/share/doc/*' './usr/share/man/*' './usr/share/locale/*' './usr/share/lintian/*' './usr/share/info/*'
    './usr/share/icu/*' './usr/share/postgresql/*/man/*' './usr/lib/postgresql/*/lib/bitcode/*' '*/llvmjit*' '*/gconv/*'
    './usr/bin/promtool' './usr/bin/tsdb' './usr/bin/amtool' './etc/init.d/*' './lib/systemd/*' './usr/lib/systemd/*'
)

# Its first 12 hex digits: enough to tell the versions of one recipe apart.
hash_of() {
    sha256sum | cut -c1-12
}

recipe_hash() {
    local name=$1
    # The roles are a part of one image and not worth a recipe of their own.
    (cd "$demo_dir" && find "images/$name" -type f -print0 | LC_ALL=C sort -z |
        xargs -0 sha256sum images.sh ../postgres/roles.sql) | hash_of
}

# Sets IMAGE_POSTGRES and so on, and makes the images that the engine does not have.
make_images() {
    local name tag missing=()
    for name in postgres prometheus alertmanager postgres_exporter; do
        tag="acgs-demo-$name:$(recipe_hash "$name")"
        printf -v "IMAGE_${name^^}" '%s' "$tag"
        docker image inspect "$tag" >/dev/null 2>&1 || missing+=("$name")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        phase "images: ${missing[*]}"
        mkdir -p "$cache"
        # Another stack may be making the same ones: then their files are here when it is done.
        exec 8>"$cache/lock"
        flock 8
        # While one core compiles the services, the other unpacks.
        build_service >"$state/build.log" 2>&1 8>&- 9>&- &
        local build=$!
        make_roots "${missing[@]}"
        for name in "${missing[@]}"; do import_root "$name"; done
        exec 8>&-
        phase "services: compiling"
        wait "$build" || {
            cat "$state/build.log" >&2
            fail "the services do not compile; the reason is above"
        }
    else
        build_service
    fi
    import_service
}

# --- The services' image -------------------------------------------------------------------------

build_service() {
    # With the target named, the flags are for the program alone and not for what runs in the build.
    # A folder of its own, so that the workspace is not compiled again for these flags.
    RUSTFLAGS='-C target-feature=+crt-static -C strip=symbols' CARGO_PROFILE_DEV_DEBUG=false \
        cargo build --quiet --locked --manifest-path "$repository/Cargo.toml" --package acgs-demo-services \
        --bin acgs-demo-service --target "$(host_target)" --target-dir "$repository/target/demo"
}

host_target() {
    rustc -vV | sed -n 's/^host: //p'
}

import_service() {
    local program folder
    program="$repository/target/demo/$(host_target)/debug/acgs-demo-service"
    IMAGE_SERVICE="acgs-demo-service:$(hash_of <"$program")"
    docker image inspect "$IMAGE_SERVICE" >/dev/null 2>&1 && return 0
    folder="$(dirname "$program")"
    tar --create --directory "$folder" --owner=0 --group=0 --numeric-owner acgs-demo-service |
        docker import --change 'ENTRYPOINT ["/acgs-demo-service"]' --change 'LABEL acgs.demo.image=service' \
            - "$IMAGE_SERVICE" >/dev/null
}

# --- Images of Debian packages -------------------------------------------------------------------

root_tar() {
    printf '%s/%s-%s.tar' "$cache" "$1" "$(recipe_hash "$1")"
}

# Makes the tar files that are not in the cache yet, all at once: they wait for each other's cores.
make_roots() {
    local name wanted=() jobs=() job work
    for name in "$@"; do
        [ -f "$(root_tar "$name")" ] || wanted+=("$name")
    done
    if [ ${#wanted[@]} -gt 0 ]; then
        work="$(mktemp -d "$cache/work.XXXXXX")"
        phase "packages: downloading"
        download "$work" "${wanted[@]}"
        phase "packages: unpacking"
        for name in "${wanted[@]}"; do
            make_root "$work" "$name" &
            jobs+=($!)
        done
        for job in "${jobs[@]}"; do
            wait "$job" || fail "a root can't be made; the reason is above, the files are in $work"
        done
        rm -rf "$work"
    fi
}

# The packages of one root by the names that this Debian has; of `a|b` the first that it knows.
packages_of() {
    local line name found
    while read -r line; do
        found=
        for name in ${line//|/ }; do
            if grep -qxF "$name" "$1"; then
                found=$name
                break
            fi
        done
        [ -n "$found" ] || fail "no package of Debian's is called $line: this needs Debian 12, or apt-get update"
        printf '%s\n' "$found"
    done <"$demo_dir/images/$2/packages"
}

download() {
    local work=$1 name all
    shift
    command -v apt-get >/dev/null || fail "the images are made from Debian's packages: this needs apt-get"
    apt-cache pkgnames >"$work/known"
    if ! grep -qxF prometheus "$work/known"; then
        as_root apt-get -qq update
        apt-cache pkgnames >"$work/known"
    fi
    for name in "$@"; do packages_of "$work/known" "$name" >"$work/$name.packages"; done
    mapfile -t all < <(for name in "$@"; do cat "$work/$name.packages"; done | sort -u)
    (
        cd "$work" || exit
        # An old list of packages names files that the archive has no longer.
        apt_download "${all[@]}" || {
            as_root apt-get -qq update
            apt_download "${all[@]}"
        }
    )
}

apt_download() {
    local options=(-qq)
    # Root's apt would else warn that its own user can't write here.
    [ "$(id -u)" -ne 0 ] || options+=(-o APT::Sandbox::User=root)
    apt-get "${options[@]}" download "$@"
}

make_root() {
    local work=$1 name=$2 package deb root tar
    root="$work/$name"
    tar="$(root_tar "$name")"
    mkdir -p "$root"/{etc/acgs,run,tmp,proc,sys,dev,usr/{bin,sbin,lib,lib64}}
    for package in bin sbin lib lib64; do ln -s "usr/$package" "$root/$package"; done
    mkdir "$root/var"
    ln -s ../run "$root/var/run"
    # As in any image of Debian: which packages there are, and of which release.
    mkdir -p "$root/var/lib/dpkg"
    # shellcheck source=/dev/null
    printf 'ID=debian\nVERSION_CODENAME=%s\n' "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" >"$root/usr/lib/os-release"
    while read -r package; do
        deb=("$work/${package}"_*.deb)
        {
            dpkg-deb --field "${deb[0]}"
            printf 'Status: install ok installed\n\n'
        } >>"$root/var/lib/dpkg/status"
        dpkg-deb --fsys-tarfile "${deb[0]}" |
            tar --extract --directory "$root" --no-same-owner --keep-directory-symlink "${unneeded[@]/#/--exclude=}"
    done <"$work/$name.packages"
    for package in $("$root/bin/busybox" --list); do
        [ -e "$root/bin/$package" ] || ln -s busybox "$root/bin/$package"
    done
    "finish_$name" "$root"
    pack_root "$root" "$tar" "$name"
}

finish_postgres() {
    local root=$1 program
    # Debian's own psql and pg_dump in /usr/bin are scripts of a package that is not here.
    for program in "$root"/usr/lib/postgresql/*/bin/*; do
        ln -sf "${program#"$root"}" "$root/usr/bin/${program##*/}"
    done
    printf 'root:x:0:0::/:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\npostgres:x:999:\n' >"$root/etc/group"
    cp "$demo_dir/images/postgres/data.sql" "$demo_dir/../postgres/roles.sql" "$root/etc/acgs/"
    install -m 0755 "$demo_dir/images/postgres/entrypoint" "$root/entrypoint"
}

finish_prometheus() {
    cp "$demo_dir"/images/prometheus/*.yml "$1/etc/acgs/"
}

finish_alertmanager() {
    cp "$demo_dir"/images/alertmanager/*.yml "$1/etc/acgs/"
}

finish_postgres_exporter() {
    :
}

# All of it root's, but for the folders that the image's process writes to. They are packed apart,
# so that nobody has to be root to make files of another's.
pack_root() {
    local root=$1 tar=$2 name=$3 owner folder writable=()
    case "$name" in
    postgres) owner=999 writable=(var/lib/postgresql/data run/postgresql) ;;
    prometheus) owner=65534 writable=(var/lib/prometheus) ;;
    alertmanager) owner=65534 writable=(var/lib/alertmanager) ;;
    postgres_exporter) owner=65534 writable=(var/lib/postgres_exporter) ;;
    esac
    for folder in "${writable[@]}"; do
        rm -rf "${root:?}/$folder"
        mkdir -p "$root.writable/$folder"
    done
    chmod -R u=rwX,go=rX "$root"
    chmod 1777 "$root/tmp"
    tar --create --file "$tar.part" --directory "$root" --owner=0 --group=0 --numeric-owner .
    tar --append --file "$tar.part" --directory "$root.writable" --owner="$owner" --group="$owner" --numeric-owner \
        --mode=0750 "${writable[@]}"
    # Those of older recipes.
    rm -f "$cache/$name"-*.tar
    mv "$tar.part" "$tar"
}

import_root() {
    local name=$1 tag_variable="IMAGE_${1^^}" changes=()
    case "$name" in
    postgres) changes=('USER 999:999' 'ENV PGDATA=/var/lib/postgresql/data/main' 'ENTRYPOINT ["/entrypoint"]' 'WORKDIR /tmp') ;;
    prometheus) changes=('USER 65534:65534' 'ENTRYPOINT ["/usr/bin/prometheus"]' 'WORKDIR /var/lib/prometheus') ;;
    postgres_exporter) changes=('USER 65534:65534' 'ENTRYPOINT ["/usr/bin/prometheus-postgres-exporter"]' 'WORKDIR /var/lib/postgres_exporter') ;;
    alertmanager) changes=('USER 65534:65534' 'ENTRYPOINT ["/usr/bin/prometheus-alertmanager"]' 'WORKDIR /var/lib/alertmanager') ;;
    esac
    changes+=("LABEL acgs.demo.image=$name" 'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin')
    docker import "${changes[@]/#/--change=}" "$(root_tar "$name")" "${!tag_variable}" >/dev/null
}
