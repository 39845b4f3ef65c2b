# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Making the Debian 13 root, bringing it up to date and entering it. Part of sandbox.sh.

# One set-up at a time; a second one waits for the first.
lock_cache ()
{
  mkdir -p "$gesso_cache" || die "cannot make the folder $gesso_cache"
  exec 8>"$gesso_cache/lock" || die "cannot write to $gesso_cache"
  if ! flock -n 8; then
    say "waiting for another set-up to finish"
    flock 8
  fi
}

unlock_cache ()
{
  exec 8>&-
}

# Runs a command as (this namespace's) root in a mount namespace of its own: whatever it mounts is gone when it ends,
# however it ends.
in_namespace ()
{
  if is_root; then
    unshare --mount --propagation private -- "$@"
  else
    unshare --user --map-root-user --map-auto --mount --propagation private -- "$@"
  fi
}

# The one command for an administrator, where this user cannot make or enter a Debian root.
check_may_namespace ()
{
  local user missing=()

  if is_root; then
    in_namespace true 2>/dev/null && return
    die "this container may not mount anything. Give it CAP_SYS_ADMIN, or use a system that has GIMP 3 (Debian 13)."
  fi
  user=$(id -un)
  have mmdebstrap || missing+=(mmdebstrap)
  have newuidmap || missing+=(uidmap)
  if [ ${#missing[@]} -gt 0 ]; then
    say "this system has no GIMP 3, and to set up a Debian 13 for it this is missing: ${missing[*]}."
    say "Ask an administrator to run this command, then try again:"
    if have apt-get; then
      printf '  apt-get install %s\n' "${missing[*]}" >&2
    else
      say "  (the one of your system that installs: ${missing[*]})"
    fi
    exit 1
  fi
  if ! grep -q -E "^($user|$(id -u)):" /etc/subuid 2>/dev/null || ! grep -q -E "^($user|$(id -u)):" /etc/subgid 2>/dev/null; then
    say "your account has no range of subordinate user ids, which a Debian 13 root needs."
    say "Ask an administrator to run this command, then try again:"
    printf '  usermod --add-subuids 1000000-1065535 --add-subgids 1000000-1065535 %s\n' "$user" >&2
    exit 1
  fi
  if ! in_namespace true 2>/dev/null; then
    say "this system does not let you make a user namespace, which a Debian 13 root needs."
    say "Ask an administrator to run this command, then try again:"
    if [ -e /proc/sys/kernel/apparmor_restrict_unprivileged_userns ]; then
      printf '  sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n' >&2
    elif [ -e /proc/sys/kernel/unprivileged_userns_clone ]; then
      printf '  sysctl -w kernel.unprivileged_userns_clone=1\n' >&2
    else
      printf '  sysctl -w user.max_user_namespaces=10000\n' >&2
    fi
    exit 1
  fi
}

# The Debian mirrors that this system uses itself, as lines for sources.list; nothing where it uses none.
host_mirrors ()
{
  local origin label uri done=

  have apt-get || return 0
  while IFS='|' read -r origin label uri; do
    case "$origin|$label|$uri|$done" in
      Debian\|Debian\|http*\|*main*) ;;
      Debian\|Debian\|http*)
        printf 'deb %s %s main\ndeb %s %s-updates main\n' "$uri" "$sandbox_release" "$uri" "$sandbox_release"
        done="$done main"
        ;;
      Debian\|Debian-Security\|http*\|*security*) ;;
      Debian\|Debian-Security\|http*)
        printf 'deb %s %s-security main\n' "$uri" "$sandbox_release"
        done="$done security"
        ;;
    esac
  done < <(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null)
}

# This system's proxies for apt, as options.
apt_proxy_options ()
{
  local scheme proxy

  have apt-config || return 0
  for scheme in http https; do
    proxy=
    eval "$(apt-config shell proxy "Acquire::$scheme::Proxy" 2>/dev/null)"
    [ -n "$proxy" ] && printf 'Acquire::%s::Proxy "%s";\n' "$scheme" "$proxy"
  done
  return 0
}

# mmdebstrap into the folder $1, with the remaining arguments. As an ordinary user it writes an archive which is
# unpacked in a namespace where that user is root: so the folder may lie in a home that others cannot enter.
debootstrap_into ()
{
  local target=$1 options=() option
  shift

  while IFS= read -r option; do
    options+=(--aptopt="$option")
  done < <(apt_proxy_options)
  options+=(--variant=minbase --include="$(package_list | paste -s -d ,)"
            --aptopt='APT::Install-Recommends "false";' --dpkgopt='path-exclude=/usr/share/man/*')
  if is_root; then
    in_namespace mmdebstrap "${options[@]}" "$sandbox_release" "$target" "$@" </dev/null
  else
    TMPDIR=${TMPDIR:-/var/tmp} mmdebstrap --mode=unshare --format=tar "${options[@]}" "$sandbox_release" - "$@" </dev/null |
      in_namespace tar -x --exclude='./dev/*' -p -C "$target"
  fi
}

remove_root ()
{
  [ -e "$1" ] || return 0
  if is_root; then
    rm -rf --one-file-system -- "$1"
  else
    in_namespace rm -rf --one-file-system -- "$1"
  fi
}

make_root ()
{
  local log=$gesso_cache/setup.log temporary mirrors=() line

  check_may_namespace
  if ! have mmdebstrap; then
    have apt-get || die "install mmdebstrap (or GIMP 3 with its development files), then try again"
    say "installing mmdebstrap"
    apt_install mmdebstrap || die "mmdebstrap could not be installed"
  fi
  for line in "$gesso_cache"/debian-13.tmp.*; do
    [ ! -e "$line" ] || remove_root "$line"
  done
  temporary=$(mktemp -d "$gesso_cache/debian-13.tmp.XXXXXX") || die "cannot write to $gesso_cache"
  chmod 755 "$temporary"
  # shellcheck disable=SC2064
  trap "remove_root '$temporary'" EXIT
  trap 'exit 130' INT TERM HUP

  say "this system has no GIMP 3: setting up a Debian 13 that has, once, in $sandbox_root"
  say "it is downloaded and unpacked now; this takes a few minutes and about 2 GB of disk (log: $log)"
  while IFS= read -r line; do
    mirrors+=("$line")
  done < <(host_mirrors)
  if ! try_debootstrap "$temporary" "$log" "${mirrors[@]}"; then
    tail -n 20 "$log" >&2
    if [ ${#mirrors[@]} -eq 0 ]; then
      die "Debian 13 could not be set up; see above and $log. Running the same command again starts afresh"
    fi
    say "this system's own mirrors do not have it; trying mmdebstrap's"
    remove_root "$temporary"
    mkdir "$temporary"
    if ! try_debootstrap "$temporary" "$log"; then
      tail -n 20 "$log" >&2
      die "Debian 13 could not be set up; see above and $log. Running the same command again starts afresh"
    fi
  fi
  package_stamp > "$temporary/gesso-packages"
  remove_root "$sandbox_root"
  mv "$temporary" "$sandbox_root" || die "cannot rename $temporary to $sandbox_root"
  trap - EXIT INT TERM HUP
  say "Debian 13 is set up"
}

# Runs debootstrap_into with its messages in the log $2, and those that tell how far it is on the terminal.
try_debootstrap ()
(
  set -o pipefail
  target=$1
  log=$2
  shift 2
  debootstrap_into "$target" "$@" 2>&1 8>&- | tee "$log" |
    sed -u -n -e '/tempdir/d' -e 's/^I: \(.*\.\.\.\)$/gesso:   \1/p' >&2
)

# Installs what the package list has gained since the root was made.
update_root ()
{
  local packages log=$gesso_cache/setup.log

  say "the list of packages has changed: bringing $sandbox_root up to date (log: $log)"
  {
    printf 'APT::Install-Recommends "false";\n'
    apt_proxy_options
  } > "$sandbox_root/etc/apt/apt.conf.d/99mmdebstrap" || die "cannot write to $sandbox_root"
  mapfile -t packages < <(package_list)
  if enter_root / env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive APT_CONFIG= sh -c '
       dpkg --configure -a && apt-get -q update && apt-get -y -q -o APT::Sandbox::User=root install "$@"' sh \
       "${packages[@]}" >"$log" 2>&1 </dev/null 8>&-; then
    package_stamp > "$sandbox_root/gesso-packages"
  else
    tail -n 20 "$log" >&2
    die "the packages could not be installed; see $log"
  fi
}

root_is_current ()
{
  [ -e "$sandbox_root/gesso-packages" ] && [ "$(cat "$sandbox_root/gesso-packages")" = "$(package_stamp)" ]
}

# A complete and current root, whatever there was before.
setup_root ()
{
  if [ -e "$sandbox_root" ] && [ ! -O "$sandbox_root" ]; then
    die "$sandbox_root belongs to another user; set XDG_CACHE_HOME to a folder of your own"
  fi
  root_is_current && return
  lock_cache
  if [ ! -e "$sandbox_root/gesso-packages" ]; then
    make_root
  elif ! root_is_current; then
    check_may_namespace
    update_root
  fi
  unlock_cache
}

# Runs a command in the root, in the folder $1. $enter_folders are shown there at their own paths.
enter_root ()
{
  local folder=$1
  shift
  in_namespace bash "$gesso_lib/enter-root.sh" "$sandbox_root" "$folder" "${enter_folders[@]}" -- "$@"
}
