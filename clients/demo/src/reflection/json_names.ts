/** Names of fields in JSON. */

import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import type { DescriptorProto, FileDescriptorProto } from "@bufbuild/protobuf/wkt";

/** Fills in the names that a file does not tell: code generators leave out those that follow from the others. */
export function withJsonNames(file: FileDescriptorProto): FileDescriptorProto {
  file.messageType.forEach(nameFields);
  return file;
}

function nameFields(message: DescriptorProto): void {
  for (const field of message.field) field.jsonName ||= protoCamelCase(field.name);
  message.nestedType.forEach(nameFields);
}
