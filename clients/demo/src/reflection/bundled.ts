/** The well-known types, which need not be asked for. Servers do not always have them. */

import type { DescFile } from "@bufbuild/protobuf";
import {
  file_google_protobuf_any, file_google_protobuf_descriptor, file_google_protobuf_duration, file_google_protobuf_empty,
  file_google_protobuf_field_mask, file_google_protobuf_struct, file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";

const FILES: DescFile[] = [
  file_google_protobuf_any, file_google_protobuf_descriptor, file_google_protobuf_duration, file_google_protobuf_empty,
  file_google_protobuf_field_mask, file_google_protobuf_struct, file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
];

export const BUNDLED: ReadonlyMap<string, FileDescriptorProto> = new Map(FILES.map(({ proto }) => [proto.name, proto]));
