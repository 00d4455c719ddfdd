//! What is wrong with a configuration, in the operator's words.

/// One thing that keeps a configuration from running.
///
/// All problems of a configuration are collected and shown together; none of them panics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key it is about, relative to the table it was found in, such as `rate` or `keys[2].value`; empty for the
    /// whole table.
    pub at: String,
    /// What is wrong, as one sentence without a full stop.
    pub what: String,
    /// What to do about it, when that is not obvious.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at a key.
    pub fn new(at: impl Into<String>, what: impl Into<String>) -> Problem {
        Problem { at: at.into(), what: what.into(), hint: None }
    }

    /// The same with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}
