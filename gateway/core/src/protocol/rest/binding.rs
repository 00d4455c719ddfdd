//! Which requests call which method, and where the fields of its request come from.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use http::{HeaderValue, Method as HttpMethod};
use prost_reflect::FieldDescriptor;

use super::path::Path;
use super::rule;
use super::template::Template;
use super::trie::Trie;
use crate::path::MethodPath;
use crate::schema::Method;

/// One form of request that calls a method.
#[derive(Debug)]
pub struct Binding {
    /// The HTTP methods it takes.
    pub verb: Verb,
    /// The paths it takes.
    pub template: Template,
    /// What it calls.
    pub method: Arc<Method>,
    /// The same as filters, routes and the upstream see it.
    pub path: MethodPath,
    /// What the body of the request is.
    pub body: Body,
    /// The field of the response that is the body of the response; `None` means all of it.
    pub response_body: Option<FieldDescriptor>,
    /// For each variable of the template, the fields that lead to what it sets.
    pub variables: Vec<Vec<FieldDescriptor>>,
}

/// The HTTP methods that a binding takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// This one.
    Only(HttpMethod),
    /// Each that has no binding of its own.
    Any,
}

impl Verb {
    fn takes(&self, method: &HttpMethod) -> bool {
        match self {
            Verb::Only(only) => only == method,
            Verb::Any => true,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verb::Only(method) => f.write_str(method.as_str()),
            Verb::Any => f.write_str("*"),
        }
    }
}

/// What the body of a request is.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// There is none; all that the path does not say is in the query.
    None,
    /// The request; there is no query.
    Whole,
    /// One field of it.
    Field(FieldDescriptor),
}

/// A rule that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method}: {what}")]
pub struct BadRule {
    /// The full name of its method.
    pub method: Box<str>,
    /// What is wrong, as one sentence without a full stop.
    pub what: String,
}

/// All bindings of a schema.
#[derive(Debug, Default)]
pub struct Bindings {
    trie: Trie<Arc<Binding>>,
    all: Vec<Arc<Binding>>,
    bad: Vec<BadRule>,
}

/// What a path and an HTTP method stand for.
pub(super) enum Found {
    /// A binding, with the value of each of its variables.
    Binding(Arc<Binding>, Vec<String>),
    /// Bindings of other HTTP methods, and which those are.
    OtherVerbs(HeaderValue),
}

impl Bindings {
    /// The bindings of these methods. Of two that take the same requests the first counts.
    pub(crate) fn new<'a>(methods: impl IntoIterator<Item = &'a Arc<Method>>) -> Bindings {
        let mut bindings = Bindings::default();
        for binding in methods.into_iter().flat_map(rule::bindings) {
            match binding {
                Ok(binding) => bindings.add(binding),
                Err(bad) => bindings.bad.push(bad),
            }
        }
        bindings
    }

    /// Every binding, in the order of the methods.
    pub fn all(&self) -> &[Arc<Binding>] {
        &self.all
    }

    /// The rules that cannot be used: broken ones, and those that another one hides.
    pub fn bad_rules(&self) -> &[BadRule] {
        &self.bad
    }

    fn add(&mut self, binding: Binding) {
        let same = self.trie.entry(&binding.template);
        if let Some(other) = same.iter().find(|other| other.verb == binding.verb) {
            self.bad.push(BadRule {
                method: binding.method.descriptor.full_name().into(),
                what: format!(
                    "`{} {}` takes the same requests as `{} {}` of {}",
                    binding.verb,
                    binding.template,
                    other.verb,
                    other.template,
                    other.method.descriptor.full_name()
                ),
            });
            return;
        }
        let binding = Arc::new(binding);
        self.all.push(binding.clone());
        same.push(binding);
        // What takes one HTTP method goes before what takes any.
        same.sort_by_key(|binding| binding.verb == Verb::Any);
    }

    /// Finds the best binding among those whose method is served here. `path` has no query.
    pub(super) fn find(
        &self,
        verb: &HttpMethod,
        path: &str,
        has_route: &dyn Fn(&MethodPath) -> bool,
    ) -> Option<Found> {
        let path = self.path(path)?;
        let mut others: Vec<String> = Vec::new();
        let found = self.trie.find(&path, |binding, path| {
            if !has_route(&binding.path) {
                return ControlFlow::Continue(());
            }
            if !binding.verb.takes(verb) {
                others.push(binding.verb.to_string());
                return ControlFlow::Continue(());
            }
            let value = |variable: &super::template::Variable| {
                path.value(variable.range(path.len()), variable.is_one_segment()).into_owned()
            };
            let values = binding.template.variables().iter().map(value).collect();
            ControlFlow::Break(Found::Binding(binding.clone(), values))
        });
        found.or_else(|| {
            others.sort_unstable();
            others.dedup();
            // HTTP methods are tokens, which header values may hold.
            let allow = HeaderValue::try_from(others.join(", ")).ok()?;
            (!others.is_empty()).then_some(Found::OtherVerbs(allow))
        })
    }

    /// Whether some binding whose method is served here takes this path, whatever the HTTP method.
    pub(super) fn take(&self, path: &str, has_route: &dyn Fn(&MethodPath) -> bool) -> bool {
        self.path(path).is_some_and(|path| {
            let is_served = |binding: &Arc<Binding>, _: &Path<'_>| {
                if has_route(&binding.path) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            self.trie.find(&path, is_served).is_some()
        })
    }

    fn path<'p>(&self, path: &'p str) -> Option<Path<'p>> {
        if self.all.is_empty() { None } else { Path::parse(path) }
    }
}
