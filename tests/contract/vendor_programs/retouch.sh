#!/bin/sh
set -eu
address=$1 token=$2 photo=$3 payload=$4 result=$5 pause=$6

word() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

job=$(curl --silent --show-error --fail --location "$address/api/v1/retoucher/start" \
  --form "file=@$photo" --form "token=$token" --form "payload=<$payload" | word id)
test -n "$job"

while :; do
  state=$(curl --silent --show-error --fail --location "$address/api/v1/retoucher/status/$job" | word state)
  echo "$state"
  case $state in
    completed) break ;;
    failed | "") exit 1 ;;
  esac
  sleep "$pause"
done

curl --silent --show-error --fail --location "$address/api/v1/retoucher/getFile/$job" --output "$result"
