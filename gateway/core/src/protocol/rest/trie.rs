//! Finds what a path stands for: a tree of template segments.
//!
//! At each segment a literal goes before `*`, and `*` before `**`; where that leads to nothing that the caller takes,
//! the next best is tried. A segment `a:b` at the end is first read as `a` with the verb `b`, then as it is.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::path::Path;
use super::template::{Segment, Template};

/// Values by template.
#[derive(Debug)]
pub(super) struct Trie<T> {
    root: Node<T>,
}

impl<T> Default for Trie<T> {
    fn default() -> Trie<T> {
        Trie { root: Node::default() }
    }
}

#[derive(Debug)]
struct Node<T> {
    literals: HashMap<Box<str>, Node<T>>,
    any: Option<Box<Node<T>>>,
    /// Of templates that end here.
    here: Verbs<T>,
    /// Of templates that end in `**` here.
    rest: Verbs<T>,
}

impl<T> Default for Node<T> {
    fn default() -> Node<T> {
        Node { literals: HashMap::new(), any: None, here: Verbs::default(), rest: Verbs::default() }
    }
}

/// What templates of one form hold, by verb. There are few.
#[derive(Debug)]
struct Verbs<T>(Vec<(Option<Box<str>>, Vec<T>)>);

impl<T> Default for Verbs<T> {
    fn default() -> Verbs<T> {
        Verbs(Vec::new())
    }
}

impl<T> Trie<T> {
    /// The values of all templates that match the same paths as this one, to look through and add to. What variables
    /// are called makes no difference.
    pub(super) fn entry(&mut self, template: &Template) -> &mut Vec<T> {
        let mut node = &mut self.root;
        let mut takes_rest = false;
        for segment in template.segments() {
            match segment {
                Segment::Literal(text) => node = node.literals.entry(text.clone()).or_default(),
                Segment::Any => node = &mut **node.any.get_or_insert_default(),
                // It is the last one.
                Segment::Rest => takes_rest = true,
            }
        }
        if takes_rest { node.rest.entry(template.verb()) } else { node.here.entry(template.verb()) }
    }

    /// Shows `visit` the values that match, the best first, until it breaks off, with the path that their variables
    /// are to be read from.
    pub(super) fn find<B>(
        &self,
        path: &Path<'_>,
        mut visit: impl FnMut(&T, &Path<'_>) -> ControlFlow<B>,
    ) -> Option<B> {
        let mut find = |path: &Path<'_>, verb: Option<&str>| {
            self.root.find(path, 0, verb, &mut |values: &[T]| {
                values.iter().try_for_each(|value| visit(value, path))
            })
        };
        let split = path.split_verb();
        let found = split.as_ref().map_or(ControlFlow::Continue(()), |(path, verb)| find(path, Some(verb)));
        match found {
            ControlFlow::Continue(()) => find(path, None).break_value(),
            found => found.break_value(),
        }
    }
}

impl<T> Node<T> {
    /// Goes no deeper than the longest template, and visits no node twice.
    fn find<B>(
        &self,
        path: &Path<'_>,
        at: usize,
        verb: Option<&str>,
        visit: &mut dyn FnMut(&[T]) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if let Some(segment) = path.get(at) {
            if let Some(node) = self.literals.get(segment) {
                node.find(path, at + 1, verb, visit)?;
            }
            if let Some(node) = &self.any {
                node.find(path, at + 1, verb, visit)?;
            }
        } else {
            visit(self.here.get(verb))?;
        }
        visit(self.rest.get(verb))
    }
}

impl<T> Verbs<T> {
    fn get(&self, verb: Option<&str>) -> &[T] {
        let found = self.0.iter().find(|(name, _)| name.as_deref() == verb);
        found.map(|(_, values)| &**values).unwrap_or_default()
    }

    fn entry(&mut self, verb: Option<&str>) -> &mut Vec<T> {
        let at = self.0.iter().position(|(name, _)| name.as_deref() == verb).unwrap_or_else(|| {
            self.0.push((verb.map(Into::into), Vec::new()));
            self.0.len() - 1
        });
        // It was found or added right above.
        #[allow(clippy::indexing_slicing)]
        &mut self.0[at].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(templates: &[&'static str]) -> Trie<&'static str> {
        let mut trie = Trie::default();
        for text in templates {
            trie.entry(&Template::parse(text).unwrap()).push(*text);
        }
        trie
    }

    /// All that matches a path, in order.
    fn all(trie: &Trie<&'static str>, path: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        let path = Path::parse(path).unwrap();
        let none = trie.find(&path, |value, _| -> ControlFlow<()> {
            found.push(*value);
            ControlFlow::Continue(())
        });
        assert!(none.is_none());
        found
    }

    #[test]
    fn finds_the_best_first() {
        let trie = trie(&[
            "/",
            "/**",
            "/v1/**",
            "/v1/*",
            "/v1/{x=**}:run",
            "/v1/books",
            "/v1/books/{id}",
            "/v1/*/new",
            "/v1/books:run",
            "/v1/{a}:run",
            "/v1/books/**",
            "/v1/a:b:c",
        ]);
        let check = |path: &str, want: &[&str]| assert_eq!(all(&trie, path), want, "{path}");
        check("/", &["/", "/**"]);
        check("/v1", &["/v1/**", "/**"]);
        check("/v1/books", &["/v1/books", "/v1/books/**", "/v1/*", "/v1/**", "/**"]);
        check("/v1/x", &["/v1/*", "/v1/**", "/**"]);
        check("/v1/books/new", &["/v1/books/{id}", "/v1/books/**", "/v1/*/new", "/v1/**", "/**"]);
        check("/v1/books/7/8", &["/v1/books/**", "/v1/**", "/**"]);
        check("/v1/books:run", &["/v1/books:run", "/v1/{a}:run", "/v1/{x=**}:run", "/v1/*", "/v1/**", "/**"]);
        check("/v1/a:b:c", &["/v1/a:b:c", "/v1/*", "/v1/**", "/**"]);
        check("/v1/x/y:run", &["/v1/{x=**}:run", "/v1/**", "/**"]);
        check("/v1/books%3Arun", &["/v1/*", "/v1/**", "/**"]);
        check("/v1/book%73", &["/v1/books", "/v1/books/**", "/v1/*", "/v1/**", "/**"]);
    }

    #[test]
    fn names_of_variables_make_no_difference() {
        let mut trie = trie(&["/v1/{a}/x/{b=c/*}"]);
        assert_eq!(*trie.entry(&Template::parse("/v1/*/x/c/{d}").unwrap()), ["/v1/{a}/x/{b=c/*}"]);
        assert!(trie.entry(&Template::parse("/v1/*/x/c/{d}:run").unwrap()).is_empty());
        assert!(trie.entry(&Template::parse("/v1/*/x/**").unwrap()).is_empty());
    }

    #[test]
    fn stops_where_it_is_told() {
        let trie = trie(&["/a", "/*"]);
        let found = trie.find(&Path::parse("/a").unwrap(), |value, _| ControlFlow::Break(*value));
        assert_eq!(found, Some("/a"));
    }

    mod built {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        use proptest::prelude::*;

        use super::*;

        /// A template, a path that it was built into, and the value of each variable.
        fn built() -> impl Strategy<Value = (String, String, Vec<String>)> {
            let value = "[a-zA-Zé☺ /?#:%.=&+]{1,6}"
                .prop_filter("a dot segment", |text| !text.split('/').any(|part| matches!(part, "." | "..")));
            let part = prop_oneof![
                "[a-z]{1,3}".prop_map(Part::Literal),
                value.clone().prop_map(Part::Variable),
                ("[a-z]{1,3}", value.clone()).prop_map(|(literal, value)| Part::Deep(literal, value)),
            ];
            let verb = proptest::option::of("[a-z]{1,3}");
            (proptest::collection::vec(part, 1..5), verb).prop_map(|(parts, verb)| build(&parts, verb))
        }

        #[derive(Clone, Debug)]
        enum Part {
            Literal(String),
            Variable(String),
            Deep(String, String),
        }

        fn build(parts: &[Part], verb: Option<String>) -> (String, String, Vec<String>) {
            let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let (mut template, mut path, mut values) = (String::new(), String::new(), Vec::new());
            for (at, part) in parts.iter().enumerate() {
                match part {
                    Part::Literal(text) => {
                        template += &format!("/{text}");
                        path += &format!("/{text}");
                    }
                    Part::Variable(value) => {
                        template += &format!("/{{v{at}}}");
                        path += &format!("/{}", escape(value));
                        values.push(value.clone());
                    }
                    Part::Deep(text, value) => {
                        template += &format!("/{{v{at}={text}/*}}");
                        path += &format!("/{text}/{}", escape(value));
                        values.push(format!("{text}/{}", value.replace('/', "%2F")));
                    }
                }
            }
            if let Some(verb) = verb {
                template += &format!(":{verb}");
                path += &format!(":{verb}");
            }
            (template, path, values)
        }

        proptest! {
            #[test]
            fn a_path_gives_back_the_values_it_was_built_from((text, path, values) in built()) {
                let template = Template::parse(&text).unwrap();
                let mut trie = Trie::default();
                trie.entry(&template).push(());
                let path = Path::parse(&path).unwrap();
                let found = trie.find(&path, |(), path| {
                    let value = |variable: &super::super::super::template::Variable| {
                        path.value(variable.range(path.len()), variable.is_one_segment()).into_owned()
                    };
                    ControlFlow::Break(template.variables().iter().map(value).collect::<Vec<_>>())
                });
                prop_assert_eq!(found, Some(values), "{}", text);
            }

            #[test]
            fn never_panics(templates in proptest::collection::vec("/[/*{}a.:=]{0,12}", 0..4), path in "/[/a.:%2F]{0,12}") {
                let mut trie = Trie::default();
                for template in templates.iter().filter_map(|text| Template::parse(text).ok()) {
                    trie.entry(&template).push(template.clone());
                }
                if let Some(path) = Path::parse(&path) {
                    trie.find(&path, |template, path| -> ControlFlow<()> {
                        for variable in template.variables() {
                            path.value(variable.range(path.len()), variable.is_one_segment());
                        }
                        ControlFlow::Continue(())
                    });
                }
            }
        }
    }
}
