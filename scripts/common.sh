# Sourced by the commands of this folder. What it leaves behind: the repository's root as the
# working directory, and the functions below.

me=$(basename "$0")
cd "$(dirname "$0")/.." || exit 1

# One line on stderr, and wrong usage (2) or failure (1).
usage_error() {
    echo "$me: $*; try --help" >&2
    exit 2
}

die() {
    echo "$me: $*" >&2
    exit 1
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Install the Debian packages that are missing; when none is, touch neither apt nor the network. From then
# on their own programs are meant: the Python of a version manager takes a second to start, for each test.
need_packages() {
    PATH=/usr/bin:/bin:$PATH
    export PATH
    missing=
    for package in "$@"; do
        is_installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || die "missing, and no apt-get to install:$missing"
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "installing needs root or sudo:$missing"
        as_root=sudo
    fi
    echo "$me: installing$missing"
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list of words
    if ! { $as_root apt-get update &&
        $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "could not install:$missing"
    fi
    rm -f "$log"
}
