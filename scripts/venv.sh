# Sourced by scripts/demo and scripts/test: makes .venv in the checkout and installs rawshake into it, once.
# shellcheck shell=sh

venv=.venv

# make_environment EXTRAS: afterwards $venv/bin/python runs rawshake; EXTRAS is "" or "[test]".
# Quick when nothing that decides what is installed has changed.
make_environment() {
    # A checkout that moved needs its editable install again, hence the path.
    wanted="$(pwd) $(cat pyproject.toml rawshake/__init__.py | cksum)"
    for extras in "$1" "[test]"; do
        stamp="$venv/installed$extras"
        if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && "$venv/bin/python" -c '' 2>/dev/null; then
            return 0
        fi
    done
    if ! is_new_enough "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        create_environment || return 1
    fi
    rm -f "$venv"/installed*
    echo "Installing rawshake$1 into $(pwd)/$venv" >&2
    if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".$1"; then
        echo "pip could not install rawshake's dependencies (its own words stand above)." >&2
        return 1
    fi
    printf '%s' "$wanted" >"$venv/installed$1"
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# The first Python that is new enough and can make a virtual environment; PYTHON=... names another.
create_environment() {
    found=
    for python in ${PYTHON:-python3.13 python3.12 python3.11 python3 python3.14}; do
        # Asked to run, not looked up: the shims of version managers are there for Pythons that are not.
        is_new_enough "$python" || continue
        found=${found:-$python}
        # --clear also mends an environment that was interrupted or whose Python is gone.
        if "$python" -m venv --clear "$venv" >/dev/null 2>&1 &&
            "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
            return 0
        fi
        rm -rf "$venv"
    done
    sudo=
    [ "$(id -u)" = 0 ] || sudo="sudo "
    if [ -z "$found" ]; then
        echo "rawshake needs Python 3.11 or later, and finds none. On Debian or Ubuntu:" >&2
        echo "    ${sudo}apt install python3 python3-venv" >&2
        return 1
    fi
    # Debian's python3-venv serves the default python3 only.
    of() { "$1" -c 'import sys; print("python%d.%d" % sys.version_info[:2])' 2>/dev/null; }
    package=python3-venv
    [ "$(of "$found")" = "$(of /usr/bin/python3)" ] || package="$(of "$found")-venv"
    echo "$found cannot make a virtual environment. On Debian or Ubuntu:" >&2
    echo "    ${sudo}apt install $package" >&2
    return 1
}
