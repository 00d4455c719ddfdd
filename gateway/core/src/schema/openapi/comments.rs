//! The comments that descriptors have kept from their `.proto` files.

use std::collections::HashMap;

use prost_reflect::FileDescriptor;

/// The comments of files, found once for each.
#[derive(Default)]
pub(super) struct Comments {
    /// By the name of the file and the path in its descriptor.
    files: HashMap<String, HashMap<Vec<i32>, String>>,
}

impl Comments {
    /// What stands above a definition, or else behind it. Most descriptors have no comments.
    pub(super) fn of(&mut self, file: &FileDescriptor, path: &[i32]) -> Option<&str> {
        let comments = self.files.entry(file.name().to_owned()).or_insert_with(|| read(file));
        comments.get(path).map(String::as_str)
    }
}

fn read(file: &FileDescriptor) -> HashMap<Vec<i32>, String> {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let locations = info.into_iter().flat_map(|info| &info.location);
    let comment = |comment: &str| {
        let lines: Vec<&str> = comment.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        lines.join("\n").trim().to_owned()
    };
    locations
        .filter_map(|location| {
            let text = [&location.leading_comments, &location.trailing_comments];
            let text = text.into_iter().flatten().map(|text| comment(text)).find(|text| !text.is_empty())?;
            Some((location.path.clone(), text))
        })
        .collect()
}
