#!/usr/bin/env bash
# Makes the secrets of a deployment, once: one file each, in secrets/. Existing ones are kept.
set -euo pipefail
directory=${1:-secrets}
umask 077
mkdir -p "$directory"
for name in root_secret postgres_password migrator_password api_password projections_password keycloak_password; do
    if [ ! -s "$directory/$name" ]; then
        head -c 36 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' >"$directory/$name"
    fi
    # The containers' users read them through a mount of the single file; on the host the directory is closed to others.
    chmod 0444 "$directory/$name"
done
echo "secrets are in $directory; keep a copy of root_secret apart from the database and its backups"
