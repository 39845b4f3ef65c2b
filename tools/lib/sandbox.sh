# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Where Gesso is built and run: natively where the system has GIMP 3, else in a Debian 13 root kept in the user's
# cache folder. To be sourced by the scripts in tools/.
#
#   sandbox_choose              decides which; sets sandbox_kind and sandbox_root, and changes nothing
#   sandbox_setup               makes sure that there is such a place
#   sandbox_run COMMAND...      runs a command there, in the caller's folder, with the folders it names visible
#   show_folder DIR...          makes more folders visible to sandbox_run
#   sandbox_program FILE ...    becomes a program that was built there, with everything of the caller's visible
#
# GESSO_SANDBOX=native or =root in the environment forces one or the other. Where packages come from is the system's
# own configuration: no registry is named here.

# Ordinary users often lack the folders of chroot and of apt's helpers.
PATH=$PATH:/usr/sbin:/sbin

gesso_top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
gesso_lib=$gesso_top/tools/lib
gesso_home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
gesso_cache=${XDG_CACHE_HOME:-$gesso_home/.cache}/gesso
sandbox_release=trixie
sandbox_root=$gesso_cache/debian-13
sandbox_kind=
shown_folders=()
enter_folders=()

say ()
{
  printf 'gesso: %s\n' "$*" >&2
}

die ()
{
  say "$*"
  exit 1
}

have ()
{
  command -v "$1" >/dev/null 2>&1
}

is_root ()
{
  [ "$(id -u)" -eq 0 ]
}

package_list ()
{
  sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$gesso_lib/packages.txt" | sort -u
}

package_stamp ()
{
  package_list | sha256sum | cut -d ' ' -f 1
}

# What a system that has GIMP 3 still lacks, one a line.
native_missing ()
{
  local module command

  for module in gimp-3.0 gimpui-3.0 gtk+-3.0 json-glib-1.0 gio-2.0; do
    pkg-config --exists "$module" || printf '%s.pc\n' "$module"
  done
  for command in meson ninja gcc g++ clang clang-format msgfmt xgettext git python3 Xvfb dbus-daemon localedef; do
    have "$command" || printf '%s\n' "$command"
  done
  have gimp-console || have gimp-console-3.0 || printf 'gimp-console\n'
  if have python3; then
    python3 -c 'import gi; gi.require_version("Atspi", "2.0")' 2>/dev/null ||
      printf 'Atspi-2.0.typelib for Python\n'
  fi
  [ -e /usr/share/i18n/locales/de_DE ] || printf 'sources of locales (/usr/share/i18n)\n'
  if have gcc; then
    gcc -E -xc - >/dev/null 2>&1 <<<'#include <oneapi/dnnl/dnnl.h>' || printf 'oneapi/dnnl/dnnl.h\n'
  fi
}

has_gimp3 ()
{
  have pkg-config && pkg-config --atleast-version=3.0 gimp-3.0
}

# apt-get, refreshing the lists where there are none or where they have grown too old.
apt_install ()
{
  if ! compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null; then
    say "reading the package lists (apt-get update)"
    apt-get update -q >&2 </dev/null || return
  fi
  if ! DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2 </dev/null; then
    say "trying once more with fresh package lists (apt-get update)"
    apt-get update -q >&2 </dev/null &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2 </dev/null
  fi
}

# Whether this system's own registry has GIMP 3.
apt_has_gimp3 ()
{
  have apt-get && have apt-cache || return 1
  if is_root && ! compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null; then
    say "reading the package lists (apt-get update)"
    apt-get update -q >&2 </dev/null || true
  fi
  apt-cache policy libgimp-3.0-dev 2>/dev/null | grep -q '^ *Candidate: *[^( ]'
}

# shellcheck source=debian-root.sh
. "$gesso_lib/debian-root.sh"

# Installs on this very system what building needs, or says how.
setup_native ()
{
  local packages

  mapfile -t packages < <(package_list)
  if is_root; then
    say "this system's registry has GIMP 3: installing what is missing to build Gesso ($*)"
    apt_install "${packages[@]}" || die "the packages could not be installed"
  else
    say "to build Gesso this is missing: $*"
    say "Ask an administrator to run this command, then try again:"
    printf '  apt-get install %s\n' "${packages[*]}" >&2
    exit 1
  fi
}

# Decides between this system and a Debian 13 root.
sandbox_choose ()
{
  sandbox_kind=${GESSO_SANDBOX:-}
  case "$sandbox_kind" in
    native | root) ;;
    '')
      if has_gimp3; then
        sandbox_kind=native
      elif [ -e "$sandbox_root/gesso-packages" ]; then
        sandbox_kind=root
      elif apt_has_gimp3; then
        sandbox_kind=native
      else
        sandbox_kind=root
      fi
      ;;
    *) die "GESSO_SANDBOX is '$sandbox_kind'; it may be native or root" ;;
  esac
}

# Sets up what is missing in the place that was chosen.
sandbox_setup ()
{
  local missing

  sandbox_choose
  if [ "$sandbox_kind" = root ]; then
    setup_root
    return
  fi
  missing=$(native_missing | paste -s -d ' ')
  [ -n "$missing" ] || return 0
  if have apt-get; then
    setup_native "$missing"
  else
    die "this system has no apt; install what is missing to build Gesso, then try again: $missing"
  fi
}

# Folders that a command line names, at the paths under which it names them and at their real ones.
add_folder ()
{
  local folder real

  folder=$(realpath -s -- "$1" 2>/dev/null) || return 0
  real=$(realpath -- "$1" 2>/dev/null) || return 0
  enter_folders+=("$folder")
  [ "$folder" = "$real" ] || enter_folders+=("$real")
}

named_folders ()
{
  local argument path paths

  for argument; do
    paths=("$argument" "${argument#*=}")
    # Also within quotes, as in a script: (load "DIR/FILE").
    while [[ $argument == *'"'*'"'* ]]; do
      argument=${argument#*'"'}
      paths+=("${argument%%'"'*}")
      argument=${argument#*'"'}
    done
    for path in "${paths[@]}"; do
      if [ -d "$path" ]; then
        add_folder "$path"
      elif [[ $path == */* ]] && [ -d "${path%/*}/" ]; then
        add_folder "${path%/*}/"
      fi
      if [ -f "$path" ] && [ -L "$path" ]; then
        add_folder "$(dirname -- "$(realpath -- "$path")")"
      fi
    done
  done
}

show_folder ()
{
  local folder

  enter_folders=()
  for folder; do
    [ ! -d "$folder" ] || add_folder "$folder"
  done
  shown_folders+=("${enter_folders[@]}")
}

sandbox_run ()
{
  local cuda

  if [ "$sandbox_kind" = native ]; then
    "$@"
    return
  fi
  enter_folders=("${shown_folders[@]}")
  add_folder "$gesso_top"
  add_folder "$PWD"
  named_folders "$@"
  for cuda in /usr/local/cuda*; do
    [ ! -d "$cuda" ] || enter_folders+=("ro:$cuda")
  done
  enter_root "$PWD" "$@"
}

# Becomes FILE, a program built in the same place. One built in the Debian root is started outside of it by the
# root's own loader: it sees every path that the caller sees, and starts at once.
sandbox_program ()
{
  local loader libraries

  [ "$sandbox_kind" = native ] && exec "$@"
  libraries=$sandbox_root/usr/lib/$(uname -m)-linux-gnu
  for loader in "$sandbox_root"/usr/lib64/ld-linux-*.so.* "$sandbox_root"/usr/lib/ld-linux-*.so.*; do
    [ -x "$loader" ] && break
  done
  # What the libraries load by themselves must be of the same build as they are.
  export GIO_MODULE_DIR=$libraries/gio/modules GCONV_PATH=$libraries/gconv
  unset LD_PRELOAD
  exec "$loader" --library-path "$libraries" "$@"
}

# Builds TARGET of build/release, and the TARGETS that belong to it, when one of the SOURCES (relative to the tree) is
# newer than its last build: build_if_newer "TARGET [TARGETS...]" SOURCES...
build_if_newer ()
{
  local targets target stamp

  read -r -a targets <<<"$1"
  target=${targets[0]}
  shift

  stamp=${targets[*]}
  stamp=$gesso_top/build/.built-${stamp//[\/ ]/-}
  if [ -e "$gesso_top/build/release/$target" ] && [ -e "$stamp" ] &&
     [ -z "$(cd "$gesso_top" && find "$@" -newer "$stamp" -print -quit)" ]; then
    return
  fi
  say "building $target"
  mkdir -p "$gesso_top/build" && touch "$stamp.$$" || die "cannot write to $gesso_top/build"
  sandbox_run python3 -B "$gesso_lib/build.py" release "${targets[@]}" >&2 </dev/null ||
    die "$target could not be built"
  mv "$stamp.$$" "$stamp"
}
