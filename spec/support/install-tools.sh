#!/usr/bin/env bash
# Installs what the live suites use besides Node and is missing: Java (17 or later), Maven and openssl for the real Kafka, kcat and
# aiokafka as independent clients. For Debian and its kin, as root; elsewhere install the programs named in the end.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
need() { command -v "$1" > /dev/null || missing+=("${@:2}"); }
need javac default-jdk-headless
need mvn maven
need openssl openssl
need kcat kcat
need tar tar
need python3 python3 python3-venv
if [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends ca-certificates "${missing[@]}" > /dev/null
fi

# A Python may be there without the module for virtual environments; Debian has it in a package of its own.
venv=.cache/aiokafka
if ! "$venv/bin/python" -c 'import aiokafka, cramjam' 2> /dev/null; then
  python3 -c 'import ensurepip, venv' 2> /dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv > /dev/null; }
  mkdir -p .cache
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet 'aiokafka[snappy,lz4,zstd]==0.14.*'
fi

for program in java mvn openssl kcat "$venv/bin/python"; do
  command -v "$program" > /dev/null || { echo "$program is still missing" >&2; exit 1; }
done
