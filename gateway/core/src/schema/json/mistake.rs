//! What is wrong, and where.

use std::fmt;

/// Something that one of the two forms of a message cannot hold.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The steps to the value, the last one first.
    path: Vec<String>,
    what: String,
}

impl Mistake {
    pub(super) fn new(what: impl Into<String>) -> Mistake {
        Mistake { path: Vec::new(), what: what.into() }
    }

    /// The same, seen from the message with the field in which it is.
    pub(super) fn in_field(mut self, name: &str) -> Mistake {
        self.path.push(clip(name));
        self
    }

    /// The same, seen from the list in which it is.
    pub(super) fn in_item(mut self, index: usize) -> Mistake {
        self.path.push(format!("[{index}]"));
        self
    }

    /// The same, seen from the map in which it is.
    pub(super) fn in_entry(mut self, key: &str) -> Mistake {
        self.path.push(format!("[\"{}\"]", clip(key)));
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.path.iter().rev().enumerate() {
            let dot = if place == 0 || step.starts_with('[') { "" } else { "." };
            write!(f, "{dot}{step}")?;
        }
        let colon = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{colon}{}", self.what)
    }
}

/// As much of a text from outside as an error repeats: errors travel in headers.
pub(super) fn clip(text: &str) -> String {
    const MOST: usize = 64;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
