#!/usr/bin/env bash
# Debian keeps the module venv in a package of its own; installs it where root may.
set -euo pipefail
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Python cannot make a virtual environment here. On Debian, as root: apt-get install python3-venv"
  exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv
