//! Sets fields of a request from its path and its query.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use percent_encoding::percent_decode_str;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

use super::binding::{Binding, Body};
use super::error::bad_request;
use super::value;
use crate::status::Status;

/// Most parameters in a query.
const MAX_PARAMETERS: usize = 1000;
/// Most names in the path to a field.
const MAX_DEPTH: usize = 32;

/// What path and query say of a request: fields, and the values to set them to.
#[derive(Debug, Default)]
pub(super) struct Settings(Vec<Setting>);

#[derive(Debug)]
struct Setting {
    fields: Vec<FieldDescriptor>,
    key: Option<MapKey>,
    value: Value,
}

impl Settings {
    /// Reads them; refuses what sets no field, or one that is set elsewhere.
    pub(super) fn new(binding: &Binding, variables: &[String], query: &str) -> Result<Settings, Status> {
        let mut settings = Vec::new();
        let mut set = HashSet::new();
        let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
        for (at, parameter) in parameters.enumerate() {
            if at == MAX_PARAMETERS {
                return Err(bad_request(format!("the query has more than {MAX_PARAMETERS} parameters")));
            }
            let (name, text) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, text) = (decode(name)?, decode(text)?);
            let setting = Setting::parse(binding, &name, &text)?;
            let is_new = set.insert(setting.place());
            if !is_new && !setting.fields.last().is_some_and(FieldDescriptor::is_list) {
                return Err(bad_request(format!("the query sets `{name}` twice")));
            }
            settings.push(setting);
        }
        // The path comes last: what it says was matched, and is not to be changed by anything.
        for (fields, text) in binding.variables.iter().zip(variables) {
            let kind = fields.last().map(FieldDescriptor::kind);
            let value = kind.as_ref().and_then(|kind| value::parse(kind, text));
            let value = value.ok_or_else(|| not_a(&dotted(fields), text, kind.as_ref()))?;
            settings.push(Setting { fields: fields.clone(), key: None, value });
        }
        let mut members = HashMap::new();
        settings.iter().try_for_each(|setting| setting.check_oneofs(&mut members))?;
        Ok(Settings(settings))
    }

    /// Whether a field of the request itself is set.
    pub(super) fn set(&self, field: &FieldDescriptor) -> bool {
        self.0.iter().any(|setting| setting.fields.first() == Some(field))
    }

    /// Sets the fields. They replace what the body said of them.
    pub(super) fn apply(&self, message: &mut DynamicMessage) {
        self.0.iter().for_each(|setting| setting.apply(message));
    }
}

impl Setting {
    fn parse(binding: &Binding, name: &str, text: &str) -> Result<Setting, Status> {
        let unknown = || bad_request(format!("the query has an unknown parameter `{name}`"));
        if binding.body == Body::Whole {
            return Err(unknown());
        }
        let (names, key) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((names, key)) => (names, Some(key)),
            None => (name, None),
        };
        if names.split('.').count() > MAX_DEPTH {
            return Err(bad_request(format!("the query names a field deeper than {MAX_DEPTH} levels")));
        }
        let fields = resolve(&binding.method.input(), names).ok_or_else(unknown)?;
        if binding
            .variables
            .iter()
            .any(|variable| variable.starts_with(&fields) || fields.starts_with(variable))
        {
            return Err(bad_request(format!("`{name}` is set by the path")));
        }
        if let (Body::Field(body), [first, ..]) = (&binding.body, &*fields)
            && first == body
        {
            return Err(bad_request(format!("`{name}` is set by the body")));
        }
        let kind = fields.last().ok_or_else(unknown)?.kind();
        let is_map = fields.last().is_some_and(FieldDescriptor::is_map);
        let (key, kind) = match (key, &kind) {
            (Some(key), Kind::Message(entry)) if is_map => {
                let key_kind = entry.map_entry_key_field().kind();
                let key = value::key(&key_kind, key).ok_or_else(|| not_a(name, key, Some(&key_kind)))?;
                (Some(key), entry.map_entry_value_field().kind())
            }
            (None, _) if !is_map => (None, kind),
            _ => return Err(unknown()),
        };
        if matches!(&kind, Kind::Message(message) if !value::has_text(message)) {
            return Err(bad_request(format!("`{name}` is a message; the query can only set its fields")));
        }
        let value = value::parse(&kind, text).ok_or_else(|| not_a(name, text, Some(&kind)))?;
        Ok(Setting { fields, key, value })
    }

    /// What is set, however it is spelled.
    fn place(&self) -> (Vec<u32>, Option<MapKey>) {
        (self.fields.iter().map(FieldDescriptor::number).collect(), self.key.clone())
    }

    /// Refuses two members of one oneof: the last one would hide the other, and which is last is nobody's decision.
    /// `members` has those that were set before, by the message and the oneof that they are in.
    fn check_oneofs(&self, members: &mut HashMap<(Vec<u32>, Box<str>), u32>) -> Result<(), Status> {
        let mut within = Vec::new();
        for field in &self.fields {
            if let Some(oneof) = field.containing_oneof() {
                let member = *members.entry((within.clone(), oneof.name().into())).or_insert(field.number());
                if member != field.number() {
                    return Err(bad_request(format!("more than one of `{}` is set", oneof.name())));
                }
            }
            within.push(field.number());
        }
        Ok(())
    }

    fn apply(&self, message: &mut DynamicMessage) {
        let Some((last, before)) = self.fields.split_last() else { return };
        let mut message = message;
        for field in before {
            // A rule and a parameter lead through messages alone.
            let Some(inner) = message.get_field_mut(field).as_message_mut() else { return };
            message = inner;
        }
        match (&self.key, last.is_list()) {
            (Some(key), _) => {
                if let Some(map) = message.get_field_mut(last).as_map_mut() {
                    map.insert(key.clone(), self.value.clone());
                }
            }
            (None, true) => {
                if let Some(list) = message.get_field_mut(last).as_list_mut() {
                    list.push(self.value.clone());
                }
            }
            (None, false) => message.set_field(last, self.value.clone()),
        }
    }
}

/// The fields that a dotted name leads to, each in its proto or its JSON spelling.
fn resolve(message: &MessageDescriptor, names: &str) -> Option<Vec<FieldDescriptor>> {
    let mut fields: Vec<FieldDescriptor> = Vec::new();
    let mut message = Some(message.clone());
    for name in names.split('.') {
        let within = message?;
        let field = within.get_field_by_name(name).or_else(|| within.get_field_by_json_name(name))?;
        message = match field.kind() {
            Kind::Message(message) if !field.is_list() && !field.is_map() && !value::has_text(&message) => {
                Some(message)
            }
            _ => None,
        };
        fields.push(field);
    }
    Some(fields)
}

fn dotted(fields: &[FieldDescriptor]) -> String {
    fields.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
}

fn not_a(name: &str, text: &str, kind: Option<&Kind>) -> Status {
    let kind = kind.map(value::name).unwrap_or_default();
    let text: String = text.chars().take(64).collect();
    bad_request(format!("`{name}`: `{text}` is no {kind}"))
}

/// Source: the URL standard, `application/x-www-form-urlencoded` parsing; but what is no UTF-8 is refused.
fn decode(text: &str) -> Result<String, Status> {
    let spaced = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_| bad_request("the query is no UTF-8"))
}
