#!/usr/bin/env bash
# Writes test/demo_pb.ts anew from the service of `sluicegate demo`. It is not a part of the build: run it when the
# service changes.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly BUF=@bufbuild/buf@1.75.0 PLUGIN=@bufbuild/protoc-gen-es@2.13.0
protos=$(mktemp -d)
trap 'rm -rf "$protos"' EXIT
cp -r ../../gateway/core/proto/google ../../gateway/server/src/demo/demo.proto "$protos"
# The rules for REST are left out: with them the generated code would import theirs.
npm exec --yes --package="$BUF" --package="$PLUGIN" -- buf generate --template "{
  version: v2,
  inputs: [{directory: '$protos', paths: ['$protos/demo.proto'], exclude_types: [google.api.http]}],
  plugins: [{local: protoc-gen-es, out: test, opt: [target=ts]}]
}"
